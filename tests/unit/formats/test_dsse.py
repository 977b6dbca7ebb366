import json

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.statement import PAYLOAD_TYPE
from assay.formats.dsse import pae, parse_envelope, parse_pae

ENVELOPE = {"payloadType": "t", "payload": "cGF5bG9hZA==", "signatures": [{"keyid": "", "sig": "c2ln"}]}


def refusal(**changes: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_envelope(json.dumps(ENVELOPE | changes).encode(), limits=Limits())
    return caught.value.code


def test_the_encoding_that_is_signed_is_that_of_the_specification() -> None:
    encoded = pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_count_bytes_not_characters() -> None:
    assert pae("é", "é".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xa9"


@pytest.mark.parametrize("keyid", [{}, {"keyid": ""}, {"keyid": "any hint"}, {"keyid": None}])
def test_an_envelope_with_one_signature_is_read(keyid: dict[str, object]) -> None:
    document = ENVELOPE | {"signatures": [{"sig": "c2ln"} | keyid]}
    envelope = parse_envelope(json.dumps(document).encode(), limits=Limits())
    assert (envelope.payload_type, envelope.untrusted_payload, envelope.signature) == ("t", b"payload", b"sig")
    assert envelope.signed_head + envelope.untrusted_payload == b"DSSEv1 1 t 7 payload"


@pytest.mark.parametrize("signatures", [[], None, [{"sig": "c2ln"}] * 2, [None], ["c2ln"], {"sig": "c2ln"}])
def test_anything_but_one_signature_is_refused(signatures: object) -> None:
    assert refusal(signatures=signatures) == "bundle_malformed"


def test_ten_thousand_signatures_reach_the_limit() -> None:
    assert refusal(signatures=[{"sig": "c2ln"}] * 10_000) == "evidence_limit"


@pytest.mark.parametrize("text", ["cGF5bG9hZA", "cGF5bG9hZA==\n", "_-8=", 1, None])
def test_a_payload_or_signature_in_other_base64_is_refused(text: object) -> None:
    assert refusal(payload=text) == "bundle_malformed"
    assert refusal(signatures=[{"sig": text}]) == "bundle_malformed"


def test_unknown_members_and_wrong_types_are_refused() -> None:
    assert refusal(extra=1) == "bundle_malformed"
    assert refusal(payloadType=1) == "bundle_malformed"
    assert refusal(signatures=[{"sig": "c2ln", "cert": "x"}]) == "bundle_malformed"
    assert refusal(signatures=[{"sig": "c2ln", "keyid": 1}]) == "bundle_malformed"


@pytest.mark.parametrize(("kind", "payload"), [("t", b""), (PAYLOAD_TYPE, b"{}"), ("\u00e9 t", b"12 34 \x00\xff")])
def test_what_is_signed_is_taken_apart_again(kind: str, payload: bytes) -> None:
    assert parse_pae(pae(kind, payload)) == (kind, payload)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"DSSEv1",
        b"DSSEv1 1 t",
        b"DSSEv1 1 t 2 {",
        b"DSSEv1 1 t 2 {} ",
        b"DSSEv1 01 t 2 {}",
        b"DSSEv1 1 t 02 {}",
        b"DSSEv1 1 t  {}",
        b"DSSEv1 2 t 2 {}",
        b"DSSEv1 -1 t 2 {}",
        b"DSSEv1 99999999999 t 2 {}",
        b"DSSEv1 1 \xff 2 {}",
        b"DSSEv2 1 t 2 {}",
    ],
)
def test_another_spelling_of_what_is_signed_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_pae(octets)
    assert caught.value.code == "pae_malformed"
    assert parse_pae(b"DSSEv1 1 t 2 {}") == ("t", b"{}")
