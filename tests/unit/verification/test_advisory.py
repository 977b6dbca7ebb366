"""Attacks that were published, or follow from the formats, each with the twin that lacks the one defect."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.evidence import AttestationClaim, EvidenceItem, EvidenceShape, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.reason import REJECTION_CODES
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.base64text import encode_base64
from assay.verification.item import verify_item
from tests.fakes.signing import Edit, FakeAuthority, Json

IMAGE = Digest.of(b"image")
OTHER = Digest.of(b"other image")
RELEASE = FakeAuthority("release")
PROVENANCE = "https://slsa.dev/provenance/v1"
VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"


def outcome(item: EvidenceItem) -> str:
    """The code of the rejection, or the kind of claim."""
    result = verify_item(item, subject=IMAGE, authorities=[RELEASE.authority], limits=Limits())
    if isinstance(result, Rejection):
        assert result.code in REJECTION_CODES
        return result.code
    return "signature" if isinstance(result, SignatureClaim) else "attestation"


@pytest.mark.parametrize("predicate_type", [VULN, PROVENANCE, "custom"])
def test_cve_2022_35929_the_predicate_type_is_the_one_that_was_signed(predicate_type: str) -> None:
    for item in (
        RELEASE.bundle_item(IMAGE, predicate_type=predicate_type),
        RELEASE.legacy_attestation(IMAGE, predicate_type=predicate_type),
    ):
        claim = verify_item(item, subject=IMAGE, authorities=[RELEASE.authority], limits=Limits())
        assert isinstance(claim, AttestationClaim)
        assert claim.predicate_type == predicate_type


def test_cve_2022_35929_another_predicate_type_written_in_afterwards_is_invalid() -> None:
    def swap(octets: bytes) -> bytes:
        return octets.replace(VULN.encode(), PROVENANCE.encode())

    assert outcome(RELEASE.bundle_item(IMAGE, predicate_type=VULN, forged_payload=swap)) == "signature_invalid"
    assert outcome(RELEASE.bundle_item(IMAGE, predicate_type=VULN)) == "attestation"


def test_cve_2022_35930_a_signature_is_never_an_attestation_and_the_reverse() -> None:
    assert outcome(RELEASE.bundle_item(IMAGE)) == "signature"
    assert outcome(RELEASE.bundle_item(IMAGE, predicate_type=PROVENANCE)) == "attestation"
    assert outcome(RELEASE.legacy_attestation(IMAGE, predicate_type=IMAGE_SIGNATURE)) == "predicate_type_mismatch"
    envelope = json.dumps(RELEASE.envelope(IMAGE, predicate_type=PROVENANCE)).encode()
    signed_envelope = EvidenceItem(
        shape=EvidenceShape.LEGACY_SIGNATURE, content=envelope, signature=encode_base64(RELEASE.sign(envelope))
    )
    assert outcome(signed_envelope) == "bundle_malformed"


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[]", b"{}", b"not JSON", b"\xff", b'{"_type":null}', b"[" * 100_000]
)
def test_cve_2026_39395_a_signed_payload_that_cannot_be_read_is_rejected(payload: bytes) -> None:
    assert outcome(RELEASE.bundle_item(IMAGE, payload=lambda _: payload)) == "bundle_malformed"
    assert outcome(RELEASE.legacy_signature(IMAGE, payload=lambda _: payload)) == "bundle_malformed"
    assert outcome(RELEASE.legacy_attestation(IMAGE, payload=lambda _: payload)) == "bundle_malformed"
    assert outcome(RELEASE.legacy_signature(IMAGE)) == "signature"


@pytest.mark.parametrize("subject", [[], None, [None], [{}, None], "x"])
def test_cve_2026_44310_a_statement_without_subjects_is_rejected(subject: object) -> None:
    broken = RELEASE.bundle_item(IMAGE, statement=lambda document: document.update(subject=subject))
    assert outcome(broken) == "bundle_malformed"
    assert outcome(RELEASE.bundle_item(IMAGE)) == "signature"


def test_cve_2023_33959_a_payload_that_names_another_image_is_rejected() -> None:
    assert outcome(RELEASE.bundle_item(OTHER)) == "subject_mismatch"
    assert outcome(RELEASE.legacy_signature(OTHER)) == "subject_mismatch"
    assert outcome(RELEASE.legacy_attestation(OTHER, predicate_type=PROVENANCE)) == "subject_mismatch"
    assert outcome(RELEASE.legacy_signature(IMAGE)) == "signature"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("tlogEntries", [{}] * 10_000),
        ("timestampVerificationData", {"rfc3161Timestamps": [{}] * 10_000}),
    ],
)
def test_cve_2024_29902_thousands_of_entries_or_timestamps_reach_the_limit(member: str, value: object) -> None:
    flooded = RELEASE.bundle_item(IMAGE, bundle=lambda b: b["verificationMaterial"].update({member: value}))
    assert outcome(flooded) == "evidence_limit"


def test_cve_2024_29903_thousands_of_subjects_or_signatures_reach_the_limit() -> None:
    subject = {"digest": {"sha256": IMAGE.hex}}
    assert outcome(RELEASE.bundle_item(IMAGE, statement=lambda s: s.update(subject=[subject] * 10_000))) == "signature"
    flooded = RELEASE.bundle_item(IMAGE, statement=lambda s: s.update(subject=[subject] * 10_001))
    assert outcome(flooded) == "evidence_limit"
    many = RELEASE.bundle_item(IMAGE, envelope=lambda e: e.update(signatures=e["signatures"] * 10_000))
    assert outcome(many) == "evidence_limit"


PROVEN_ENTRY = {
    "logId": {"keyId": ""},
    "kindVersion": {"kind": "k", "version": "v"},
    "inclusionProof": {"rootHash": encode_base64(bytes(32)), "treeSize": "1", "checkpoint": {"envelope": ""}},
    "canonicalizedBody": "",
}


@pytest.mark.parametrize("time", ["-1", str(2**63), True])
def test_ghsa_hhfg_fwrw_87w7_an_impossible_integrated_time_is_rejected(time: object) -> None:
    def stamped(value: object) -> EvidenceItem:
        entries = [PROVEN_ENTRY | {"integratedTime": value}]
        return RELEASE.bundle_item(IMAGE, bundle=lambda b: b["verificationMaterial"].update(tlogEntries=entries))

    assert outcome(stamped(time)) == "bundle_malformed"
    assert outcome(stamped("0")) == "signature"


def test_a_log_entry_does_not_make_an_unsigned_bundle_valid() -> None:
    stranger = FakeAuthority("stranger")
    entries = [PROVEN_ENTRY]
    logged = stranger.bundle_item(IMAGE, bundle=lambda b: b["verificationMaterial"].update(tlogEntries=entries))
    assert outcome(logged) == "signature_invalid"


@pytest.mark.parametrize(
    "digests",
    [
        {"sha1": IMAGE.hex[:40]},
        {"sha512": IMAGE.hex * 2},
        {"sha256": IMAGE.hex.upper()},
        {"sha256": str(IMAGE)},
        {"gitCommit": IMAGE.hex},
        {},
    ],
)
def test_a_digest_that_matches_only_in_another_form_does_not_match(digests: dict[str, str]) -> None:
    item = RELEASE.bundle_item(IMAGE, statement=lambda s: s.update(subject=[{"name": "n", "digest": digests}]))
    assert outcome(item) == "subject_mismatch"


@pytest.mark.parametrize(
    "edit",
    [
        lambda e: e.update(payload=e["payload"].rstrip("=") + "\n"),
        lambda e: e.update(payload=" " + e["payload"]),
        lambda e: e.update(payload=e["payload"].replace("J", "-")),
        lambda e: e.update(signatures=e["signatures"] * 2),
        lambda e: e.update(signatures=[]),
        lambda e: e["signatures"][0].update(cert="x"),
    ],
)
def test_an_envelope_that_two_readers_understand_differently_is_rejected(edit: Edit) -> None:
    assert outcome(RELEASE.bundle_item(IMAGE, envelope=edit)) == "bundle_malformed"
    assert outcome(RELEASE.legacy_attestation(IMAGE, predicate_type="t", envelope=edit)) == "bundle_malformed"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"mediaType"', b'{"mediaType": "x", "mediaType"'),
        (b'{"payload"', b'{"payload": "eA==", "payload"'),
        (b'{"hint"', b'{"hint": "x", "hint"'),
        (b'{"sig"', b'{"sig": "eA==", "sig"'),
        (b'{"mediaType"', b'\xef\xbb\xbf{"mediaType"'),
        (b'{"mediaType"', b'{"x": NaN, "mediaType"'),
        (b"]}}", b"]}} {}"),
    ],
)
def test_duplicate_keys_marks_and_trailing_bytes_are_rejected(before: bytes, after: bytes) -> None:
    octets = RELEASE.bundle(IMAGE)
    broken = octets.replace(before, after, 1)
    assert broken != octets
    assert outcome(EvidenceItem(shape=EvidenceShape.BUNDLE, content=broken)) == "bundle_malformed"


def test_a_configured_key_inside_a_certificate_is_not_that_key() -> None:
    def certificate(bundle: Json) -> None:
        raw = encode_base64(RELEASE.public_key().spki)
        bundle["verificationMaterial"] = {"certificate": {"rawBytes": raw}}

    assert outcome(RELEASE.bundle_item(IMAGE, bundle=certificate)) == "bundle_malformed"


def test_a_hint_selects_no_trust() -> None:
    stranger = FakeAuthority("stranger")
    hint = encode_base64(RELEASE.public_key().key_id.octets)
    item = stranger.bundle_item(IMAGE, bundle=lambda b: b["verificationMaterial"]["publicKey"].update(hint=hint))
    assert outcome(item) == "signature_invalid"
    own = RELEASE.bundle_item(IMAGE, bundle=lambda b: b["verificationMaterial"]["publicKey"].update(hint="x"))
    assert outcome(own) == "signature"


def test_nesting_beyond_the_limit_is_rejected() -> None:
    def nested(levels: int) -> EvidenceItem:
        text = b"[" * levels + b"]" * levels
        return RELEASE.bundle_item(
            IMAGE, predicate_type="t", predicate={"a": 0}, payload=lambda p: p.replace(b'"a": 0', b'"a": ' + text)
        )

    assert outcome(nested(62)) == "attestation"
    assert outcome(nested(63)) == "bundle_malformed"


def _places(value: object) -> Iterator[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (key,)
        yield from ((key, *rest) for rest in _places(member))


def _replace(document: Any, place: tuple[str | int, ...], value: object) -> None:
    for key in place[:-1]:
        document = document[key]
    document[place[-1]] = value


OPTIONAL = {("verificationMaterial", "publicKey", "hint")}


@pytest.mark.parametrize("value", [None, 1, True, "", "x", [], {}, [None], {"x": None}])
def test_every_member_null_or_of_another_type_is_rejected(value: object) -> None:
    bundle = json.loads(RELEASE.bundle(IMAGE))
    for place in set(_places(bundle)) - OPTIONAL:
        broken = copy.deepcopy(bundle)
        _replace(broken, place, value)
        result = outcome(EvidenceItem(shape=EvidenceShape.BUNDLE, content=json.dumps(broken).encode()))
        wrong_text = isinstance(value, str) and place[0] == "dsseEnvelope"
        empty_key = place == ("verificationMaterial", "publicKey") and value == {}
        expected = {"signature_invalid", "bundle_malformed"} if wrong_text else {"bundle_malformed"}
        assert result in ({"signature"} if empty_key else expected), place


@pytest.mark.parametrize("value", [None, 1, True, "", "x", [], {}, [None], {"x": None}])
def test_every_member_of_a_signed_statement_null_or_of_another_type_is_rejected(value: object) -> None:
    statement = {"subject": [{"digest": {"sha256": IMAGE.hex}}], "predicateType": "t", "predicate": {}}
    for place in _places(statement):
        item = RELEASE.bundle_item(
            IMAGE, predicate_type="t", statement=lambda document, place=place: _replace(document, place, value)
        )
        names_the_image = place == ("predicateType",) and value == "x"
        empty_predicate = place == ("predicate",) and isinstance(value, dict)
        if not names_the_image and not empty_predicate:
            assert outcome(item) in {"bundle_malformed", "subject_mismatch"}, place
