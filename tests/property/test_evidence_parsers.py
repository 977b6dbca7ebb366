"""Whatever the bytes: a value, or the one typed refusal."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import EvidenceItem, EvidenceShape, Rejection
from assay.domain.limit import Limits
from assay.domain.reason import REJECTION_CODES
from assay.domain.statement import Statement, Subject
from assay.formats.base64text import decode_base64, encode_base64
from assay.formats.bundle import parse_bundle, render_bundle
from assay.formats.dsse import Envelope
from assay.formats.pem import decode_pem, encode_pem
from assay.formats.private_key import decrypt_private_key
from assay.formats.public_key import parse_public_key, render_public_key
from assay.formats.statement import parse_statement, render_statement
from assay.formats.strict_json import parse_json
from assay.verification.item import verify_item
from tests.fakes.signing import FakeAuthority

IMAGE = Digest.of(b"image")
RELEASE = FakeAuthority("release")
LIMITS = Limits(blob_octets=100_000, json_depth=20)

TEXT = st.text(max_size=20)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
# Beyond 2^53 the canonical form of a float is that of an integer, which is another value to Python.
FLOATS = st.floats(-(2.0**53), 2.0**53)
SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | TEXT
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)
DIGESTS = st.binary(max_size=8).map(Digest.of)
PAIRS = st.dictionaries(TEXT, TEXT, max_size=3).map(lambda pairs: tuple(sorted(pairs.items())))
SUBJECTS = st.builds(Subject, digest=st.none() | DIGESTS, name=TEXT, annotations=PAIRS)
STATEMENTS = st.builds(
    Statement,
    predicate_type=st.text(min_size=1, max_size=20),
    subjects=st.lists(SUBJECTS, min_size=1, max_size=4).map(tuple),
    predicate=st.dictionaries(TEXT, JSON, max_size=4),
)
SHAPES = st.sampled_from(EvidenceShape)
MINTS: dict[EvidenceShape, Callable[[Digest], EvidenceItem]] = {
    EvidenceShape.BUNDLE: RELEASE.bundle_item,
    EvidenceShape.LEGACY_SIGNATURE: RELEASE.legacy_signature,
    EvidenceShape.LEGACY_ATTESTATION: partial(RELEASE.legacy_attestation, predicate_type="t"),
}


@given(JSON)
def test_strict_json_reads_what_json_writes(document: object) -> None:
    assert parse_json(json.dumps(document).encode(), what="it", largest=100_000) == document


@given(st.binary(max_size=200) | st.text('{}[]",:\\u0dD8e+-1 a', max_size=60).map(str.encode))
def test_strict_json_reads_nothing_that_json_does_not(octets: bytes) -> None:
    try:
        document = parse_json(octets, what="it", largest=1000)
    except InvalidInput:
        return
    assert json.loads(octets) == document


@given(st.binary(max_size=100))
def test_base64_and_pem_are_read_back(octets: bytes) -> None:
    assert decode_base64(encode_base64(octets), what="it", code="bundle_malformed") == octets
    assert decode_pem(encode_pem("PUBLIC KEY", octets), what="it") == ("PUBLIC KEY", octets)


@given(st.text(max_size=40))
def test_one_value_has_one_base64_text(text: str) -> None:
    try:
        octets = decode_base64(text, what="it", code="bundle_malformed")
    except InvalidInput:
        return
    assert base64.b64encode(octets).decode() == text


@given(STATEMENTS)
def test_a_statement_is_read_back(statement: Statement) -> None:
    assert parse_statement(render_statement(statement), limits=LIMITS) == statement


@given(st.binary(max_size=200), st.binary(max_size=80))
def test_a_bundle_is_read_back(payload: bytes, signature: bytes) -> None:
    content = parse_bundle(render_bundle(payload, signature, RELEASE.public_key()), limits=LIMITS).content
    assert isinstance(content, Envelope)
    assert (content.untrusted_payload, content.signature) == (payload, signature)


@given(st.binary(max_size=300))
def test_a_public_key_is_read_or_refused(der: bytes) -> None:
    try:
        key = parse_public_key(encode_pem("PUBLIC KEY", der))
    except InvalidInput:
        return
    assert parse_public_key(render_public_key(key)) == key


@given(st.integers(0, 90), st.binary(min_size=1, max_size=2))
def test_an_altered_public_key_is_read_or_refused(place: int, other: bytes) -> None:
    spki = RELEASE.public_key().spki
    altered = encode_pem("PUBLIC KEY", spki[:place] + other + spki[place + len(other) :])
    with suppress(InvalidInput):
        assert parse_public_key(altered)


@given(JSON | st.fixed_dictionaries({"kdf": JSON, "cipher": JSON, "ciphertext": JSON}))
def test_a_private_key_of_any_content_is_refused(document: object) -> None:
    pem = encode_pem("ENCRYPTED SIGSTORE PRIVATE KEY", json.dumps(document).encode())
    with pytest.raises(InvalidInput) as caught:
        decrypt_private_key(pem, b"")
    assert caught.value.code in {"key_malformed", "key_unsupported"}


def rejected(item: EvidenceItem) -> None:
    outcome = verify_item(item, subject=IMAGE, authorities=[RELEASE.authority], limits=LIMITS)
    assert isinstance(outcome, Rejection)
    assert outcome.code in REJECTION_CODES
    assert outcome.detail


@given(st.builds(EvidenceItem, shape=SHAPES, content=st.binary(max_size=200), signature=st.text(max_size=50)))
def test_evidence_of_any_content_is_rejected(item: EvidenceItem) -> None:
    rejected(item)
    for annotation in ("certificate", "chain", "bundle", "rfc3161timestamp"):
        rejected(_annotated(item, annotation))


def _annotated(item: EvidenceItem, annotation: str) -> EvidenceItem:
    changes: dict[str, Any] = {annotation: item.signature or "x"}
    return replace(item, **changes)


@given(SHAPES, JSON)
def test_evidence_of_any_document_is_rejected(shape: EvidenceShape, document: object) -> None:
    rejected(EvidenceItem(shape=shape, content=json.dumps(document).encode()))


@given(JSON, st.binary(max_size=100))
def test_a_signed_payload_of_any_content_is_rejected(document: object, octets: bytes) -> None:
    for payload in (json.dumps(document).encode(), octets):
        signed = partial(_instead, payload)
        rejected(RELEASE.bundle_item(IMAGE, payload=signed))
        rejected(RELEASE.legacy_signature(IMAGE, payload=signed))


def _instead(payload: bytes, _: bytes) -> bytes:
    return payload


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _places(cast("Any", value)[key])


@given(st.integers(0, 100), JSON)
def test_a_bundle_with_any_member_replaced_is_rejected(number: int, value: object) -> None:
    bundle = json.loads(RELEASE.bundle(IMAGE))
    places = [(container, key) for container, key in _places(bundle) if key not in {"hint", "publicKey"}]
    container, key = places[number % len(places)]
    assume(container[key] != value)
    container[key] = value
    rejected(EvidenceItem(shape=EvidenceShape.BUNDLE, content=json.dumps(bundle).encode()))


@given(SHAPES, st.integers(0, 2000), st.integers(1, 255))
def test_evidence_with_any_byte_changed_is_rejected_or_means_the_same(
    shape: EvidenceShape, place: int, change: int
) -> None:
    item = MINTS[shape](IMAGE)
    octets = bytearray(item.content)
    octets[place % len(octets)] ^= change
    altered = EvidenceItem(shape=shape, content=bytes(octets), signature=item.signature)
    claims = [
        verify_item(each, subject=IMAGE, authorities=[RELEASE.authority], limits=LIMITS) for each in (item, altered)
    ]
    assert not isinstance(claims[0], Rejection)
    assert isinstance(claims[1], Rejection) or claims[0] == replace(claims[1], item=item.digest)
