"""Timestamps: what we accept, rfc3161-client accepts too; of what others stamped, the reverse holds as well."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from assay.domain.errors import EvidenceRejected
from assay.domain.limit import Limits
from assay.formats.trusted_root import parse_trusted_root
from assay.verification.root_builder import build_trust_root
from assay.verification.timestamp import verify_timestamps
from assay.verification.trust_root import TrustProfile, TrustRoot
from tests.fakes.judge import trust
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.vectors import embedded_root

ASSETS = Path(__file__).parents[1] / "assets"
LAYOUTS = ASSETS / "cosign-v3-layouts"
WORLD = FakeSigstore()
OWN = trust(WORLD)
MESSAGE = b"a signature"
TOKEN = WORLD.tsa.stamp(MESSAGE, embedded=(WORLD.tsa.leaf,))


def ours(token: bytes, message: bytes, root: TrustRoot) -> bool:
    try:
        return bool(verify_timestamps((token,), message, root))
    except EvidenceRejected:
        return False


def theirs(token: bytes, message: bytes, root: TrustRoot) -> bool:
    return any(_accepts(token, message, number, root) for number in range(len(root.timestamp_authorities)))


def _accepts(token: bytes, message: bytes, number: int, root: TrustRoot) -> bool:
    authority = root.timestamp_authorities[number]
    verifier = VerifierBuilder(
        tsa_certificate=authority.signer,
        intermediates=[issuer.certificate for issuer in authority.issuers[:-1]],
        roots=[authority.issuers[-1].certificate],
    ).build()
    try:
        return verifier.verify_message(decode_timestamp_response(token), message)
    except (VerificationError, ValueError, KeyError):
        return False


def _load(document: bytes) -> TrustRoot:
    return build_trust_root(parse_trusted_root(document, limits=Limits()), TrustProfile.public_good(), "root")


def _signature(bundle: Any) -> bytes:
    if "messageSignature" in bundle:
        return base64.b64decode(bundle["messageSignature"]["signature"])
    return base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])


def _recorded() -> Iterator[tuple[str, bytes, bytes, TrustRoot]]:
    """Every token in a recorded bundle, with what it should stamp and a root that may know its authority."""
    staging, local = (
        _load(json.dumps(embedded_root("sigstage")).encode()),
        _load((LAYOUTS / "trusted_root.json").read_bytes()),
    )
    places = [(path, staging) for path in sorted((ASSETS / "signatures").rglob("*.sigstore*"))]
    places += [(path, local) for path in sorted(LAYOUTS.glob("*/blobs/sha256/*"))]
    for path, root in places:
        content = path.read_bytes()
        if b"rfc3161Timestamps" not in content:
            continue
        bundle = json.loads(content)
        for number, item in enumerate(bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]):
            yield f"{path.parts[-4]}-{number}", base64.b64decode(item["signedTimestamp"]), _signature(bundle), root


RECORDED = list(_recorded())


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_both_say_the_same_of_what_others_stamped(number: int) -> None:
    _, token, message, root = RECORDED[number]
    assert ours(token, message, root) is theirs(token, message, root)


def test_the_recorded_tokens_are_of_both_kinds() -> None:
    verdicts = [ours(token, message, root) for _, token, message, root in RECORDED]
    assert verdicts.count(True) > 3
    assert verdicts.count(False) > 3


@settings(max_examples=300)
@given(place=st.integers(0, len(TOKEN) - 1), value=st.integers(0, 255))
def test_a_token_with_one_byte_changed_is_never_accepted_by_us_alone(place: int, value: int) -> None:
    altered = bytearray(TOKEN)
    altered[place] = value
    token = bytes(altered)
    assert ours(token, MESSAGE, OWN) is (token == TOKEN)
    assert theirs(TOKEN, MESSAGE, OWN)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_timestamp_or_refused(octets: bytes) -> None:
    assert not ours(octets, MESSAGE, OWN)
