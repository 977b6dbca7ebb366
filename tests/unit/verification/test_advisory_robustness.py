"""Garbage, absence and excess anywhere in evidence: a typed rejection, at a bounded cost."""

import base64
import copy
import json
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256

from assay.domain.evidence import EvidenceItem, EvidenceShape
from assay.domain.limit import Limits
from tests.fakes.certificate import NOW, YEAR, FakeCertificateAuthority, private_key
from tests.fakes.der import null, object_identifier, sequence, tlv
from tests.fakes.judge import WORLD, judge, verdict
from tests.fakes.sigstore import Recipe
from tests.fakes.transparency import Json, b64

FULL = [
    Recipe(stamped=True),
    Recipe(shape="0.1", content="message", body="hashedrekord 0.0.1", stamped=True),
    Recipe(body="hashedrekord 0.0.2", stamped=True, keyless=False),
]
LEGACY = [Recipe(shape="sig", body="hashedrekord 0.0.1", stamped=True), Recipe(shape="att", stamped=True)]
ACCEPTED = {"signature", "attestation"}

Place = tuple[str | int, ...]


def places(value: object) -> Iterator[Place]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (key,)
        yield from ((key, *rest) for rest in places(member))


def put(document: Any, place: Place, value: object) -> None:
    for key in place[:-1]:
        document = document[key]
    if value is ...:
        del document[place[-1]]
    else:
        document[place[-1]] = value


def raw(document: object) -> str:
    return verdict(EvidenceItem(shape=EvidenceShape.BUNDLE, content=json.dumps(document).encode()))


@cache
def bundle(recipe: Recipe) -> bytes:
    return WORLD.mint(recipe).content


def may_be_absent(recipe: Recipe, place: Place) -> bool:
    """Whether the evidence still holds, for the same signer, without this member."""
    name = place[-1]
    return (
        name in {"hint", "publicKey", "messageDigest"}
        or (name == "inclusionProof" and recipe.shape == "0.1")
        or (name == "inclusionPromise" and recipe.stamped)
        or (name in {"logIndex", "integratedTime"} and len(place) == 4 and recipe.is_tiled)
        or (not recipe.is_tiled and place[1:2] == ("timestampVerificationData",))
        or (place[-2:-1] == ("certificates",) and name == 1)
    )


@pytest.mark.parametrize("value", [..., None])
@pytest.mark.parametrize("recipe", FULL, ids=str)
def test_evidence_without_any_one_member_is_rejected_unless_it_is_optional(recipe: Recipe, value: object) -> None:
    whole = json.loads(bundle(recipe))
    for place in places(whole):
        document = copy.deepcopy(whole)
        put(document, place, value)
        outcome = raw(document)
        assert outcome not in ACCEPTED or may_be_absent(recipe, place), place
        assert outcome != "internal", place


@pytest.mark.parametrize("value", [1, -1, 2**63, 1.5, True, "", "x", "eA==", "-1", [], [None], {}, {"x": None}])
@pytest.mark.parametrize("recipe", FULL, ids=str)
def test_evidence_with_any_one_member_of_another_type_or_value_is_rejected(recipe: Recipe, value: object) -> None:
    whole = json.loads(bundle(recipe))
    for place in places(whole):
        document = copy.deepcopy(whole)
        put(document, place, value)
        outcome = raw(document)
        empties = value in ([], {}) and not isinstance(value, bool)
        same = outcome in ACCEPTED and (empties or place[-1] in {"hint", "logIndex", "integratedTime"})
        assert outcome not in {"internal", *ACCEPTED} or (same and _harmless(recipe, place, value)), place


def _harmless(recipe: Recipe, place: Place, value: object) -> bool:
    unauthenticated = recipe.is_tiled and place[-1] in {"logIndex", "integratedTime"} and len(place) == 4
    own_index = place[-2:] == ("inclusionProof", "logIndex") and value == 1
    return may_be_absent(recipe, place) or unauthenticated or own_index


@pytest.mark.parametrize("recipe", LEGACY, ids=str)
@pytest.mark.parametrize("text", ["x", "{}", "[]", "null", "{", '{"Payload":null}', "\x00", "é", "[" * 100_000])
def test_a_legacy_annotation_of_any_content_is_rejected(recipe: Recipe, text: str) -> None:
    item = WORLD.mint(recipe)
    for name in ("certificate", "bundle", "rfc3161timestamp", "chain"):
        changes: dict[str, Any] = {name: text}
        outcome = verdict(replace(item, **changes))
        assert outcome not in {"internal", *ACCEPTED}, name
    assert verdict(item) in ACCEPTED


@pytest.mark.parametrize("recipe", LEGACY, ids=str)
def test_legacy_evidence_without_an_annotation_is_rejected_unless_it_is_optional(recipe: Recipe) -> None:
    item = WORLD.mint(recipe)
    assert verdict(replace(item, certificate="", chain="")) == "signature_invalid"
    assert verdict(replace(item, bundle="")) == "trust_profile_unmet"
    assert verdict(replace(item, rfc3161timestamp="", chain="")) in ACCEPTED


@pytest.mark.parametrize("recipe", LEGACY, ids=str)
def test_every_member_of_a_legacy_log_annotation_matters(recipe: Recipe) -> None:
    item = WORLD.mint(recipe)
    whole = json.loads(item.bundle)
    values: tuple[object, ...] = (..., None, 1, "", "eA==", [], {}, True)
    for place in places(whole):
        for value in values:
            document = copy.deepcopy(whole)
            put(document, place, value)
            outcome = verdict(replace(item, bundle=json.dumps(document)))
            assert outcome not in {"internal", *ACCEPTED}, (place, value)


FLOOD = 2_000_000
"""Bytes of an attack; what it may cost beyond them is bounded."""


def _with(**material: object) -> bytes:
    document = json.loads(bundle(FULL[0]))
    document["verificationMaterial"].update(material)
    return json.dumps(document).encode()


def _in_proof(**members: object) -> bytes:
    document = json.loads(bundle(FULL[0]))
    document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"].update(members)
    return json.dumps(document).encode()


def _chain(count: int) -> bytes:
    document = json.loads(bundle(FULL[1]))
    chain: Json = document["verificationMaterial"]["x509CertificateChain"]
    chain["certificates"] *= count
    return json.dumps(document).encode()


ATTACKS = {
    "deep lists": lambda: b"[" * FLOOD,
    "deep objects": lambda: b'{"a":' * (FLOOD // 5),
    "a million log entries": lambda: _with(tlogEntries=[{}] * (FLOOD // 4)),
    "a million timestamps": lambda: _with(timestampVerificationData={"rfc3161Timestamps": [{}] * (FLOOD // 4)}),
    "a million proof hashes": lambda: _in_proof(hashes=["x"] * (FLOOD // 5)),
    "a huge checkpoint": lambda: _in_proof(checkpoint={"envelope": "a\n" * (FLOOD // 3)}),
    "ten thousand certificates": lambda: _chain(1_000),
    "one huge certificate": lambda: _with(certificate={"rawBytes": b64(b"\x30" * FLOOD)}),
    "one huge token": lambda: _with(
        timestampVerificationData={"rfc3161Timestamps": [{"signedTimestamp": "A" * FLOOD}]}
    ),
    "nothing but commas": lambda: b'{"mediaType":[' + b"1," * (FLOOD // 2),
    "a million names": lambda: b"{" + b",".join(b'"%d":1' % n for n in range(FLOOD // 10)) + b"}",
    "huge integers": lambda: _with(tlogEntries=[{"logIndex": "9" * FLOOD}]),
    "escapes": lambda: b'{"mediaType":"' + b"\\u0041" * (FLOOD // 6) + b'"}',
}


MALFORMED = {"huge integers", "escapes"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_resources_is_cut_before_it_costs(attack: str) -> None:
    item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=ATTACKS[attack]())
    default = judge()
    assert default.verdict(item) == ("bundle_malformed" if attack in MALFORMED else "evidence_limit")
    spent = []
    for _ in range(3):
        started = time.process_time()
        default.verdict(item)
        spent.append(time.process_time() - started)
    assert min(spent) <= 0.05
    tracemalloc.start()
    default.verdict(item)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= len(item.content) + 32 * 1024 * 1024


def costly_issuer(bits: int, exponent_bits: int) -> x509.Certificate:
    """A certificate that names the authority and itself as its issuer, with an RSA key that nobody has."""
    modulus = (1 << (bits - 1)) | 1
    key = rsa.RSAPublicNumbers((1 << (exponent_bits - 1)) | 1, modulus).public_key()
    name = WORLD.authority.intermediate.subject
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key)
    builder = builder.serial_number(1).not_valid_before(NOW - YEAR).not_valid_after(NOW + YEAR)
    signer = private_key("costly", "rsa2048")
    assert isinstance(signer, rsa.RSAPrivateKey)
    certificate = builder.sign(signer, SHA256())
    algorithm = sequence(object_identifier("1.2.840.113549.1.1.11"), null())
    forged = b"\x00" + (modulus - 3).to_bytes(bits // 8, "big")
    return x509.load_der_x509_certificate(sequence(certificate.tbs_certificate_bytes, algorithm, tlv(3, forged)))


@pytest.mark.parametrize(
    ("bits", "exponent_bits", "malformed"), [(3072, 3071, True), (16_384, 64, True), (8_192, 32, False)]
)
@pytest.mark.parametrize("shape", ["0.2", "att"])
def test_certificates_with_costly_keys_cost_little(
    shape: str, bits: int, exponent_bits: int, *, malformed: bool
) -> None:
    evil = replace(WORLD, authority=FakeCertificateAuthority(name="evil"))
    chain = [costly_issuer(bits, exponent_bits)] * 8
    for world, otherwise in ((WORLD, ACCEPTED), (evil, {"chain_invalid"})):
        item = world.mint(Recipe(shape=shape), intermediates=chain)
        assert verdict(item) in ({"bundle_malformed"} if malformed else otherwise)
        spent = []
        for _ in range(3):
            started = time.process_time()
            verdict(item)
            spent.append(time.process_time() - started)
        assert min(spent) <= 0.05


def test_an_enormous_payload_is_not_parsed_before_its_signature_verified() -> None:
    deep = b"[" * 3_000_000
    forged = WORLD.mint(Recipe(), envelope=lambda envelope: envelope.update(payload=base64.b64encode(deep).decode()))
    assert verdict(forged) == "signature_invalid"


def test_limits_are_reached_one_beyond_them() -> None:
    own = WORLD.sign(Recipe())
    entries = [own.enter(WORLD.log, "dsse 0.0.1", index=number % 3) for number in range(9)]
    assert verdict(own.item("0.3", entries=entries[:8])) == "signature"
    assert verdict(own.item("0.3", entries=entries)) == "evidence_limit"
    item = WORLD.mint(Recipe())
    assert judge(limits=Limits(blob_octets=len(item.content))).verdict(item) == "signature"
    assert judge(limits=Limits(blob_octets=len(item.content) - 1)).verdict(item) == "evidence_limit"
