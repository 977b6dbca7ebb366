from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.base64text import encode_base64
from assay.formats.bundle import parse_bundle
from tests.fakes.signing import FakeAuthority

AUTHORITY = FakeAuthority()
HASH = encode_base64(bytes(32))
PROOF: dict[str, Any] = {
    "logIndex": "2",
    "rootHash": HASH,
    "treeSize": "3",
    "hashes": [HASH],
    "checkpoint": {"envelope": "text"},
}
ENTRY: dict[str, Any] = {
    "logIndex": "2",
    "logId": {"keyId": HASH},
    "kindVersion": {"kind": "dsse", "version": "0.0.1"},
    "integratedTime": "1795241343",
    "inclusionPromise": {"signedEntryTimestamp": "eA=="},
    "inclusionProof": PROOF,
    "canonicalizedBody": "eA==",
}
SMALL = Limits(token_octets=16, log_entries=2, timestamps=2, proof_hashes=2)


def outcome(**material: object) -> str:
    """The code of the refusal, or "" when the bundle is read."""
    octets = AUTHORITY.bundle(Digest.of(b"image"), bundle=lambda b: b["verificationMaterial"].update(material))
    try:
        parse_bundle(octets, limits=SMALL)
    except InvalidInput as error:
        return error.code
    return ""


def entry(**changes: object) -> str:
    return outcome(tlogEntries=[ENTRY | changes])


def proof(**changes: object) -> str:
    return entry(inclusionProof=PROOF | changes)


def token(octets: object) -> dict[str, object]:
    return {"rfc3161Timestamps": [{"signedTimestamp": octets}]}


def test_entries_and_timestamps_are_read() -> None:
    assert outcome(tlogEntries=[ENTRY], timestampVerificationData=token("eA==")) == ""


@pytest.mark.parametrize("member", ["logIndex", "integratedTime", "inclusionPromise", "inclusionProof"])
def test_an_entry_may_leave_out_what_has_a_default(member: str) -> None:
    assert entry(**{member: None}) == ""


@pytest.mark.parametrize("member", ["logIndex", "treeSize", "hashes", "checkpoint"])
def test_a_proof_may_leave_out_what_has_a_default(member: str) -> None:
    assert proof(**{member: None}) == ""


@pytest.mark.parametrize("member", ["logId", "kindVersion", "canonicalizedBody"])
def test_an_entry_without_identity_or_body_is_malformed(member: str) -> None:
    assert entry(**{member: None}) == "bundle_malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"integratedTime": "-1"},
        {"integratedTime": str(2**63)},
        {"integratedTime": True},
        {"logIndex": 1.5},
        {"logId": {"keyId": "x"}},
        {"kindVersion": {"kind": "dsse"}},
        {"kindVersion": {"kind": 1, "version": "0.0.1"}},
        {"inclusionPromise": {"signedEntryTimestamp": 1}},
        {"inclusionPromise": []},
        {"canonicalizedBody": "x"},
    ],
)
def test_a_wrong_member_of_an_entry_is_malformed(changes: dict[str, object]) -> None:
    assert entry(**changes) == "bundle_malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"rootHash": None},
        {"rootHash": "eA=="},
        {"hashes": [None]},
        {"hashes": ["eA=="]},
        {"hashes": {}},
        {"treeSize": -1},
        {"checkpoint": {"envelope": 1}},
        {"checkpoint": {}},
        {"unknown": 1},
    ],
)
def test_a_wrong_member_of_a_proof_is_malformed(changes: dict[str, object]) -> None:
    assert proof(**changes) == "bundle_malformed"


@pytest.mark.parametrize(
    "timestamps", [[], {"x": 1}, {"rfc3161Timestamps": [1]}, {"rfc3161Timestamps": [{}]}, token("x"), token(1)]
)
def test_timestamps_of_another_form_are_malformed(timestamps: object) -> None:
    assert outcome(timestampVerificationData=timestamps) == "bundle_malformed"


def test_counts_and_sizes_are_refused_one_beyond_the_limit() -> None:
    stamp = token("eA==")["rfc3161Timestamps"]
    assert isinstance(stamp, list)
    assert outcome(tlogEntries=[ENTRY] * 2, timestampVerificationData={"rfc3161Timestamps": stamp * 2}) == ""
    assert outcome(tlogEntries=[ENTRY] * 3) == "evidence_limit"
    assert outcome(timestampVerificationData={"rfc3161Timestamps": stamp * 3}) == "evidence_limit"
    assert proof(hashes=[HASH] * 2) == ""
    assert proof(hashes=[HASH] * 3) == "evidence_limit"
    assert proof(checkpoint={"envelope": "x" * 16}) == ""
    assert proof(checkpoint={"envelope": "x" * 17}) == "evidence_limit"
    assert outcome(timestampVerificationData=token(encode_base64(bytes(16)))) == ""
    assert outcome(timestampVerificationData=token(encode_base64(bytes(17)))) == "evidence_limit"
