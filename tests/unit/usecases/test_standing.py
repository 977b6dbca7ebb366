"""Whose evidence counts."""

import pytest

from assay.domain.digest import Digest
from assay.domain.evidence import Claim, GapKind, Rejection
from assay.domain.identity import Authority, MissingKey
from assay.domain.reason import GapReason
from assay.usecases.standing import find_unjudged, hear
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.policy import (
    CYCLONEDX_TYPE,
    PROVENANCE_TYPE,
    SPDX_TYPE,
    attestation_claim,
    evidence_facts,
    good_claims,
    provenance_predicate,
    signature_claim,
    spdx_predicate,
)
from tests.fakes.signing import FakeAuthority

NAMED = {
    GapKind.SIGNATURE: frozenset({"release"}),
    GapKind.PROVENANCE: frozenset({"builder"}),
    GapKind.SBOM: frozenset({"scanner"}),
}
OTHER_TYPE = "https://example.com/other/v1"
STRANGERS = (
    signature_claim(authority="stranger"),
    attestation_claim(PROVENANCE_TYPE, {}, authority="stranger"),
    attestation_claim("https://slsa.dev/provenance/v9", {}, authority="stranger"),
    attestation_claim(SPDX_TYPE, {"packages": 1}, authority="stranger"),
    attestation_claim(SPDX_TYPE, spdx_predicate("GPL-3.0-only"), authority="stranger"),
    attestation_claim(CYCLONEDX_TYPE, {"specVersion": "9"}, authority="stranger"),
    attestation_claim(OTHER_TYPE, {}, authority="stranger"),
)


@pytest.mark.parametrize(
    ("claim", "heard"),
    [
        (signature_claim(authority="release"), True),
        (signature_claim(authority="scanner"), False),
        (attestation_claim(PROVENANCE_TYPE, {}, authority="builder"), True),
        (attestation_claim(PROVENANCE_TYPE, {}, authority="release"), False),
        (attestation_claim(SPDX_TYPE, {}, authority="scanner"), True),
        (attestation_claim(SPDX_TYPE, {}, authority="builder"), False),
        (attestation_claim(OTHER_TYPE, {}, authority="builder"), True),
        (attestation_claim(OTHER_TYPE, {}, authority="stranger"), False),
    ],
)
def test_a_claim_counts_when_its_authority_is_named_for_its_kind(claim: Claim, *, heard: bool) -> None:
    result = hear([claim], NAMED)
    assert result.claims == ((claim,) if heard else ())
    assert [(item.id, item.code) for item in result.rejected] == ([] if heard else [(claim.item, "identity_mismatch")])


def test_where_nobody_is_named_nobody_is_heard() -> None:
    assert hear(good_claims(), {}).claims == ()
    assert hear(good_claims(), dict.fromkeys(NAMED, frozenset({"release"}))).claims == good_claims()


def test_strangers_change_nothing_but_the_list_of_rejections() -> None:
    alone, beside = evidence_facts(*good_claims()), evidence_facts(*good_claims(), *STRANGERS)
    assert beside.gaps == alone.gaps
    assert (beside.evidence, beside.source_commit) == (alone.evidence, alone.source_commit)
    assert {**beside.document, "rejected": []} == {**alone.document, "rejected": []}
    assert {item.code for item in beside.rejected} == {"identity_mismatch"}
    assert len(beside.rejected) == len(STRANGERS)


def test_strangers_alone_leave_every_kind_rejected() -> None:
    strangers = (*STRANGERS, attestation_claim(PROVENANCE_TYPE, provenance_predicate(), authority="stranger"))
    facts = evidence_facts(*strangers)
    codes = {gap.kind: gap.code for gap in facts.gaps if gap.code != "not_collected"}
    assert codes == dict.fromkeys((GapKind.SIGNATURE, GapKind.PROVENANCE, GapKind.SBOM), "all_rejected")
    assert (facts.evidence, facts.source_commit) == ((), "")


def test_an_unreadable_predicate_of_a_named_authority_still_is_a_gap() -> None:
    facts = evidence_facts(*good_claims(), attestation_claim(SPDX_TYPE, {"packages": 1}))
    assert ("sbom", "sbom_malformed") in {(gap.kind.value, gap.code) for gap in facts.gaps}


WAITING = Authority(name="builder", keys=(FakeAuthority("builder").public_key(),), root="gone")
PRESENT = FakeAuthority("release").authority
HALF = TrustSnapshot.of([PRESENT, WAITING], {}, unavailable={"gone": "it was never fetched"})


def unread(code: str) -> Rejection:
    return Rejection(id=Digest.of(b"item"), code=code, detail="")


def test_what_nobody_could_judge_leaves_the_kinds_of_its_authorities_open() -> None:
    (gap,) = find_unjudged([unread("signature_invalid"), unread("trust_root_unavailable")], NAMED, HALF)
    assert (gap.kind, gap.code, gap.detail) == (GapKind.PROVENANCE, "trust_root_unavailable", "gone")
    assert gap.reason is GapReason.STALE


def test_without_such_evidence_nothing_stays_open() -> None:
    assert find_unjudged([], NAMED, HALF) == ()
    assert find_unjudged([unread("signature_invalid")], NAMED, HALF) == ()


LACKING = Authority(name="scanner", missing_keys=(MissingKey(name="openbao://scanner", why="silence"),))
MORE = TrustSnapshot.of([PRESENT, WAITING, LACKING], {}, unavailable={"gone": "it was never fetched"})


def test_what_a_missing_key_may_have_signed_leaves_its_kinds_open() -> None:
    (gap,) = find_unjudged([unread("key_unavailable")], NAMED, TrustSnapshot.of([PRESENT, LACKING], {}))
    assert (gap.kind, gap.code, gap.detail) == (GapKind.SBOM, "key_unavailable", "openbao://scanner")
    assert gap.reason is GapReason.STALE


def test_of_what_neither_a_missing_root_nor_a_missing_key_lets_judge_both_are_told() -> None:
    found = find_unjudged([unread("key_unavailable")], NAMED, MORE)
    assert {(gap.kind, gap.code) for gap in found} == {
        (GapKind.PROVENANCE, "trust_root_unavailable"),
        (GapKind.SBOM, "key_unavailable"),
    }
    (alone,) = find_unjudged([unread("trust_root_unavailable")], NAMED, MORE)
    assert alone.kind is GapKind.PROVENANCE
