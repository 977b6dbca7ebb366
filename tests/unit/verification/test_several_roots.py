"""Authorities with different trust roots: each judges by its own, and evidence that one accepts is that one's."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import EvidenceRejected
from assay.domain.evidence import Claim, EvidenceItem, Rejection
from assay.domain.identity import Authority, MissingKey, PublicKey
from assay.domain.limit import Limits
from assay.domain.signer import KeySigner
from assay.formats.log_entry import LogEntry
from assay.formats.public_key import load_verifying_key
from assay.formats.untrusted_evidence import HashName, MessageSignature, UntrustedEvidence
from assay.verification.authority_group import group_authorities
from assay.verification.content import VerifiedContent, artefact_digest
from assay.verification.item import _together, verify_bundle, verify_item
from assay.verification.message import Message
from assay.verification.steps import Times, Verified, count_logs
from assay.verification.trust_root import TrustProfile, TrustRoot
from tests.fakes.certificate import NOW, SECOND, FakeCertificateAuthority, private_key, spki
from tests.fakes.judge import ACME, WORLD, release, trust
from tests.fakes.sigstore import IMAGE, MANIFEST, Recipe
from tests.fakes.transparency import b64, nothing

OTHER_WORLD = replace(WORLD, authority=FakeCertificateAuthority(name="other"))
STAMPED = TrustProfile(log_entries=0, scts=1, timestamps=1)
ROOTS = {
    "own": trust(),
    "other": trust(OTHER_WORLD),
    "stamped": trust(profile=STAMPED),
}
KEYED = WORLD.mint(Recipe(keyless=False))
KEYLESS = WORLD.mint(Recipe())


def verify(item: EvidenceItem, *authorities: Authority, roots: dict[str, TrustRoot] = ROOTS) -> Claim | Rejection:
    return verify_item(item, subject=IMAGE, authorities=authorities, roots=roots, limits=Limits())


def names(outcome: Claim | Rejection) -> Sequence[str]:
    return (outcome.code,) if isinstance(outcome, Rejection) else outcome.authorities


def test_every_authority_whose_own_root_accepts_is_named() -> None:
    elsewhere = replace(ACME, name="elsewhere", root="other")
    again = replace(ACME, name="again")
    assert names(verify(KEYLESS, elsewhere, ACME, again)) == ("acme", "again")
    assert names(verify(KEYLESS, elsewhere)) == ("chain_invalid",)


def test_a_key_is_judged_with_and_without_a_log_by_different_authorities() -> None:
    offline = replace(release(WORLD, root=""), name="offline")
    unlogged = WORLD.mint(Recipe(keyless=False, body=""))
    assert names(verify(KEYED, offline, release(WORLD))) == ("offline", "release")
    assert names(verify(unlogged, offline, release(WORLD))) == ("offline",)
    assert names(verify(unlogged, release(WORLD))) == ("trust_profile_unmet",)


def test_a_claim_without_a_trust_root_has_neither_times_nor_log_entries() -> None:
    offline = verify(KEYED, release(WORLD, root=""))
    logged = verify(KEYED, release(WORLD))
    assert not isinstance(offline, Rejection)
    assert not isinstance(logged, Rejection)
    assert (offline.times, offline.log_entries) == ((), ())
    assert len(logged.times) == len(logged.log_entries) == 1


def test_the_reason_is_that_of_the_root_under_which_the_evidence_got_furthest() -> None:
    demanding = replace(ACME, name="demanding", root="stamped")
    elsewhere = replace(ACME, name="elsewhere", root="other")
    assert names(verify(KEYLESS, demanding, elsewhere)) == ("chain_invalid",)
    assert names(verify(KEYLESS, elsewhere, demanding)) == ("chain_invalid",)
    assert names(verify(KEYLESS, demanding)) == ("trust_profile_unmet",)


def passed(key: bytes, authority: str, *times: datetime) -> Verified:
    return Verified(
        signer=KeySigner(key_id=Digest.of(key)),
        authorities=(authority,),
        content=VerifiedContent(subject=IMAGE),
        times=times,
        log_entries=(),
    )


def test_a_signature_that_verifies_under_two_keys_is_that_of_the_first_one_alone() -> None:
    # From a signature of ECDSA a second key can be computed under which it verifies, too.
    together = _together([passed(b"a", "one", NOW), passed(b"a", "again", NOW), passed(b"b", "other", NOW - SECOND)])
    assert (together.signer, together.authorities) == (KeySigner(key_id=Digest.of(b"a")), ("one", "again"))
    assert together.times == (NOW,)


def test_times_that_several_roots_verified_are_told_once_oldest_first() -> None:
    moments = [NOW - SECOND * number for number in range(8)]
    together = _together([passed(b"a", "one", *moments), passed(b"a", "two", NOW)])
    assert list(together.times) == sorted(moments)
    assert list(Times(stamped=tuple(moments), promised=(NOW,)).all) == sorted(moments)


def test_a_payload_above_the_limit_is_refused_before_its_signature_is_looked_at() -> None:
    recipe = Recipe(shape="sig", keyless=False, body="")
    forged = WORLD.mint(recipe, signer=private_key("stranger", "p256"))
    for largest, expected in ((len(forged.content), "signature_invalid"), (len(forged.content) - 1, "evidence_limit")):
        limits = Limits(blob_octets=largest)
        outcome = verify_item(forged, subject=IMAGE, authorities=[release(WORLD, root="")], limits=limits)
        assert names(outcome) == (expected,)


def test_a_root_that_is_not_loaded_lets_nothing_pass() -> None:
    assert names(verify(KEYED, release(WORLD), roots={})) == ("trust_root_unavailable",)
    assert names(verify(KEYLESS, ACME, roots={})) == ("trust_root_unavailable",)
    both = (replace(ACME, name="elsewhere", root="other"), replace(ACME, root="gone"))
    assert names(verify(KEYLESS, *both)) == ("trust_root_unavailable",)
    assert names(verify(KEYED, release(WORLD, root=""), roots={})) == ("release",)


def test_a_signature_by_none_of_the_keys_may_be_by_one_that_is_missing() -> None:
    whole = release(WORLD, root="")
    lacking = replace(whole, keys=(), missing_keys=(MissingKey(name="openbao://release", why="silence"),))
    other = replace(whole, name="other", keys=(PublicKey(spki=spki(private_key("stranger", "p256"))),))
    beside = replace(other, name="beside", missing_keys=lacking.missing_keys)
    assert names(verify(KEYED, lacking)) == ("key_unavailable",)
    assert names(verify(KEYED, other, lacking)) == ("key_unavailable",)
    assert names(verify(KEYED, other)) == ("signature_invalid",)
    assert names(verify(KEYED, beside, replace(other, root="own"))) == ("key_unavailable",)
    assert names(verify(KEYED, whole, lacking)) == ("release",)
    assert names(verify(KEYLESS, lacking)) == ("identity_mismatch",)


def test_a_root_under_the_empty_name_is_never_used() -> None:
    (group,) = group_authorities([release(WORLD, root="")], {"": ROOTS["own"]})
    assert group.root is None
    with pytest.raises(EvidenceRejected):
        group.required_root()


def test_two_entries_of_one_operator_or_key_count_once() -> None:
    two = {"own": trust(profile=TrustProfile(log_entries=2, scts=1, timestamps=0))}
    assert names(verify(KEYLESS, ACME, roots=two)) == ("trust_profile_unmet",)


def test_an_entry_that_is_there_twice_is_told_once() -> None:
    own = WORLD.sign(Recipe())
    first, second = (own.enter(WORLD.log, "dsse 0.0.1", index=number) for number in (1, 2))
    for entries, expected in (([first, first], 1), ([first, second, first], 2)):
        outcome = verify(own.item("0.3", entries=entries), ACME)
        assert not isinstance(outcome, Rejection)
        assert len(outcome.log_entries) == expected


def entry_of(log_id: bytes) -> LogEntry:
    return LogEntry(log_id=log_id, index=0, integrated_time=0, kind="", version="", body=b"")


@pytest.mark.parametrize(("name", "kind", "expected"), [("a", "two", 1), ("b", "one", 1), ("b", "two", 2)])
def test_cve_2026_49834_logs_of_one_host_or_with_one_key_count_once(name: str, kind: str, expected: int) -> None:
    first = next(iter(ROOTS["own"].logs.values()))
    keys = {each: load_verifying_key(PublicKey(spki=spki(private_key(each, "p256")))) for each in ("one", "two")}
    logs = {
        b"1": replace(first, log_id=b"1", name="a", key=keys["one"]),
        b"2": replace(first, log_id=b"2", name=name, key=keys[kind]),
    }
    evidence = UntrustedEvidence(
        format="bundle",
        content=MessageSignature(signature=b""),
        stamped=b"",
        log_entries=(entry_of(b"1"), entry_of(b"2"), entry_of(b"1")),
    )
    assert count_logs(evidence, replace(ROOTS["own"], logs=logs)) == expected


def test_a_signature_is_over_the_hash_that_the_bundle_names() -> None:
    world = replace(WORLD, key_kind="p384")
    authority = Authority(name="key", keys=(PublicKey(spki=spki(private_key("keyed release", "p384"))),))
    named = {"algorithm": "SHA2_256", "digest": b64(IMAGE.octets)}
    for edit, expected in (
        (nothing, "key"),
        (lambda bundle: bundle["messageSignature"].update(messageDigest=named), "signature_invalid"),
        (lambda bundle: bundle["messageSignature"].pop("messageDigest"), "key"),
    ):
        bundle = world.mint(Recipe(keyless=False, content="message", body=""), bundle=edit)
        outcome = verify_bundle(
            bundle.content, artefact=Message(octets=MANIFEST), authorities=[authority], roots={}, limits=Limits()
        )
        assert names(outcome) == (expected,)


def test_evidence_of_a_kind_that_no_authority_names_is_nobodys() -> None:
    assert names(verify(KEYLESS, release(WORLD))) == ("identity_mismatch",)
    assert names(verify(KEYED, ACME)) == ("identity_mismatch",)


def test_a_message_signature_needs_the_bytes_where_the_digest_does_not_suffice() -> None:
    world = replace(WORLD, key_kind="p384")
    bundle = world.mint(Recipe(keyless=False, content="message", body=""))
    authority = Authority(name="key", keys=(PublicKey(spki=spki(private_key("keyed release", "p384"))),))

    def judge(artefact: Message) -> Sequence[str]:
        return names(
            verify_bundle(bundle.content, artefact=artefact, authorities=[authority], roots={}, limits=Limits())
        )

    assert judge(Message(octets=MANIFEST)) == ("key",)
    assert judge(Message.of_digest(IMAGE)) == ("subject_mismatch",)
    assert judge(Message(octets=b"another")) == ("subject_mismatch",)


def test_an_artefact_is_named_by_its_sha_256_digest() -> None:
    assert artefact_digest(Message(octets=MANIFEST)) == artefact_digest(Message.of_digest(IMAGE)) == IMAGE
    with pytest.raises(ValueError, match="SHA-256"):
        artefact_digest(Message(known={HashName.SHA512: bytes(64)}))


def test_a_known_digest_is_not_computed_again() -> None:
    known = Message(octets=b"x", known={HashName.SHA256: bytes(32)})
    assert known.digest(HashName.SHA256) == bytes(32)
    assert known.digest(HashName.SHA512) == Message(octets=b"x").digest(HashName.SHA512)
    assert Digest.of(b"x").octets == Message(octets=b"x").digest(HashName.SHA256)
