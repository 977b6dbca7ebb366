import json
from collections.abc import Callable
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.base64text import decode_base64, encode_base64
from assay.formats.bundle import parse_bundle
from assay.formats.log_entry import EntryProof, LogEntry, parse_log_annotation, parse_timestamp_annotation
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
    "logIndex": "7",
    "logId": {"keyId": HASH},
    "kindVersion": {"kind": "dsse", "version": "0.0.1"},
    "integratedTime": "1795241343",
    "inclusionPromise": {"signedEntryTimestamp": "eA=="},
    "inclusionProof": PROOF,
    "canonicalizedBody": "eA==",
}
READ = LogEntry(
    log_id=bytes(32),
    index=7,
    integrated_time=1795241343,
    kind="dsse",
    version="0.0.1",
    body=b"x",
    promise=b"x",
    proof=EntryProof(index=2, size=3, root=bytes(32), hashes=(bytes(32),), checkpoint="text"),
)
SMALL = Limits(token_octets=16, log_entries=2, timestamps=2, proof_hashes=2)
V01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
V02 = "application/vnd.dev.sigstore.bundle+json;version=0.2"
V03 = "application/vnd.dev.sigstore.bundle+json;version=0.3"


def outcome(version: str = V03, **material: object) -> str:
    """The code of the refusal, or "" when the bundle is read."""

    def edit(bundle: dict[str, Any]) -> None:
        bundle["mediaType"] = version
        bundle["verificationMaterial"].update(material)

    return code(lambda: parse_bundle(AUTHORITY.bundle(Digest.of(b"image"), bundle=edit), limits=SMALL))


def code(parse: Callable[[], object]) -> str:
    try:
        parse()
    except InvalidInput as error:
        return error.code
    return ""


def entry(*version: str, **changes: object) -> str:
    return outcome(*version, tlogEntries=[ENTRY | changes])


def proof(**changes: object) -> str:
    return entry(inclusionProof=PROOF | changes)


def token(*octets: object) -> dict[str, object]:
    return {"rfc3161Timestamps": [{"signedTimestamp": each} for each in octets]}


def test_entries_and_timestamps_are_read() -> None:
    material = {"tlogEntries": [ENTRY], "timestampVerificationData": token("eA==", "eQ==")}
    octets = AUTHORITY.bundle(Digest.of(b"image"), bundle=lambda b: b["verificationMaterial"].update(material))
    evidence = parse_bundle(octets, limits=SMALL)
    assert evidence.log_entries == (READ,)
    assert evidence.timestamps == (b"x", b"y")


@pytest.mark.parametrize(
    "changes", [{"logIndex": None}, {"inclusionPromise": None}, {"inclusionPromise": None, "integratedTime": None}]
)
def test_an_entry_may_leave_out_what_has_a_default(changes: dict[str, object]) -> None:
    assert entry(**changes) == ""


@pytest.mark.parametrize("member", ["logIndex", "treeSize", "hashes"])
def test_a_proof_may_leave_out_what_has_a_default(member: str) -> None:
    assert proof(**{member: None}) == ""


@pytest.mark.parametrize("version", [V02, V03])
def test_an_entry_has_a_proof_from_version_02_on(version: str) -> None:
    assert entry(version, inclusionProof=None) == "bundle_malformed"
    assert entry(version) == ""


def test_an_entry_of_version_01_has_a_promise_or_a_proof() -> None:
    assert entry(V01, inclusionProof=None) == ""
    assert entry(V01, inclusionPromise=None) == ""
    assert entry(V01, inclusionProof=None, inclusionPromise=None) == "bundle_malformed"


@pytest.mark.parametrize("member", ["logId", "kindVersion", "canonicalizedBody"])
def test_an_entry_without_identity_or_body_is_malformed(member: str) -> None:
    assert entry(**{member: None}) == "bundle_malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"integratedTime": "-1"},
        {"integratedTime": "0"},
        {"integratedTime": None},
        {"integratedTime": "253402300800"},
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
    assert entry(integratedTime="253402300799") == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoint": None},
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


def test_the_same_timestamp_twice_is_malformed() -> None:
    assert outcome(timestampVerificationData=token("eA==", "eA==")) == "bundle_malformed"
    assert outcome(timestampVerificationData=token("eA==", "eQ==")) == ""


def test_counts_and_sizes_are_refused_one_beyond_the_limit() -> None:
    assert outcome(tlogEntries=[ENTRY] * 2, timestampVerificationData=token("eA==", "eQ==")) == ""
    assert outcome(tlogEntries=[ENTRY] * 3) == "evidence_limit"
    assert outcome(timestampVerificationData=token("eA==", "eQ==", "eg==")) == "evidence_limit"
    assert proof(hashes=[HASH] * 2) == ""
    assert proof(hashes=[HASH] * 3) == "evidence_limit"
    assert proof(checkpoint={"envelope": "x" * 16}) == ""
    assert proof(checkpoint={"envelope": "x" * 17}) == "evidence_limit"
    assert outcome(timestampVerificationData=token(encode_base64(bytes(16)))) == ""
    assert outcome(timestampVerificationData=token(encode_base64(bytes(17)))) == "evidence_limit"


BODY = b'{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}'
PAYLOAD: dict[str, Any] = {
    "body": encode_base64(BODY),
    "integratedTime": 1795241343,
    "logIndex": 7,
    "logID": "00" * 32,
}


def annotation(payload: object, **members: object) -> str:
    return json.dumps({"SignedEntryTimestamp": "eA==", "Payload": payload, **members})


def test_a_log_annotation_is_an_entry_with_a_promise_and_without_a_proof() -> None:
    assert parse_log_annotation(annotation(PAYLOAD), limits=Limits()) == LogEntry(
        log_id=bytes(32),
        index=7,
        integrated_time=1795241343,
        kind="hashedrekord",
        version="0.0.1",
        body=BODY,
        promise=b"x",
    )


def test_a_body_that_begins_otherwise_has_no_kind() -> None:
    read = parse_log_annotation(annotation(PAYLOAD | {"body": "eA=="}), limits=Limits())
    assert (read.kind, read.version) == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "\ud800",
        annotation(PAYLOAD, extra=1),
        annotation(PAYLOAD, SignedEntryTimestamp=None),
        annotation(None),
        *(annotation(PAYLOAD | {name: None}) for name in ("body", "integratedTime", "logID")),
        annotation(PAYLOAD | {"logID": "00" * 31 + "0"}),
        annotation(PAYLOAD | {"logID": "AA" * 32}),
        annotation(PAYLOAD | {"logID": "00" * 65}),
        annotation(PAYLOAD | {"integratedTime": 253402300800}),
        annotation(PAYLOAD | {"extra": 1}),
    ],
)
def test_a_log_annotation_of_another_form_is_malformed(text: str) -> None:
    assert code(lambda: parse_log_annotation(text, limits=Limits())) == "bundle_malformed"


def test_a_timestamp_annotation_is_one_token() -> None:
    assert parse_timestamp_annotation('{"SignedRFC3161Timestamp":"eA=="}', limits=Limits()) == b"x"


@pytest.mark.parametrize("text", ["", "eA==", "{}", '{"SignedRFC3161Timestamp":"x"}', '{"a":1}'])
def test_a_timestamp_annotation_of_another_form_is_malformed(text: str) -> None:
    assert code(lambda: parse_timestamp_annotation(text, limits=Limits())) == "bundle_malformed"


def test_an_annotation_beyond_the_limits_is_refused() -> None:
    text = json.dumps({"SignedRFC3161Timestamp": encode_base64(bytes(17))})
    assert code(lambda: parse_timestamp_annotation(text, limits=Limits(token_octets=17))) == ""
    assert code(lambda: parse_timestamp_annotation(text, limits=Limits(token_octets=16))) == "evidence_limit"
    assert code(lambda: parse_timestamp_annotation(text, limits=Limits(bundle_structure=1))) == "evidence_limit"
    assert code(lambda: parse_log_annotation(annotation(PAYLOAD), limits=Limits(blob_octets=9))) == "evidence_limit"


def test_a_body_is_no_longer_than_what_it_could_be_about() -> None:
    bundle = json.loads(AUTHORITY.bundle(Digest.of(b"image")))
    payload = decode_base64(bundle["dsseEnvelope"]["payload"], what="it", code="x")
    longest = 512 * 1024 + 2 * len(payload)
    assert entry(canonicalizedBody=encode_base64(bytes(longest))) == ""
    assert entry(canonicalizedBody=encode_base64(bytes(longest + 1))) == "evidence_limit"
