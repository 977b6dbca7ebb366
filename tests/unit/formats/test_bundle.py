import json
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.statement import PAYLOAD_TYPE
from assay.formats.base64text import encode_base64
from assay.formats.bundle import parse_bundle, render_bundle
from tests.fakes.signing import Edit, FakeAuthority

DIGEST = Digest.of(b"image")
AUTHORITY = FakeAuthority()
CHAIN = {"certificates": [{"rawBytes": "eA=="}]}


def refusal(edit: Edit, limits: Limits | None = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_bundle(AUTHORITY.bundle(DIGEST, bundle=edit), limits=limits or Limits())
    return caught.value.code


def material(**members: object) -> Edit:
    return lambda bundle: bundle["verificationMaterial"].update(members)


def test_a_rendered_bundle_is_read_back() -> None:
    envelope = parse_bundle(render_bundle(b"payload", b"signature", AUTHORITY.public_key()), limits=Limits())
    assert envelope.payload_type == PAYLOAD_TYPE
    assert (envelope.untrusted_payload, envelope.signature) == (b"payload", b"signature")


def test_a_rendered_bundle_has_nothing_that_need_not_be_there() -> None:
    key = AUTHORITY.public_key()
    bundle = json.loads(render_bundle(b"payload", b"signature", key))
    assert bundle == {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": encode_base64(key.key_id.octets)}},
        "dsseEnvelope": {
            "payload": "cGF5bG9hZA==",
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": "c2lnbmF0dXJl"}],
        },
    }


@pytest.mark.parametrize(
    "edit",
    [
        lambda bundle: bundle.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.3"),
        material(publicKey={}),
        material(publicKey={"hint": "another key"}),
        material(tlogEntries=None, timestampVerificationData=None, certificate=None),
        material(tlogEntries=[], timestampVerificationData={}),
        lambda bundle: bundle.update(messageSignature=None),
    ],
)
def test_a_bundle_with_other_words_for_the_same_is_read(edit: Edit) -> None:
    assert parse_bundle(AUTHORITY.bundle(DIGEST, bundle=edit), limits=Limits()).payload_type == PAYLOAD_TYPE


@pytest.mark.parametrize(
    "version",
    [
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle.v0.4+json",
    ],
)
def test_another_version_is_unsupported(version: str) -> None:
    assert refusal(lambda bundle: bundle.update(mediaType=version)) == "bundle_unsupported"


@pytest.mark.parametrize("media_type", ["", "application/json", " application/vnd.dev.sigstore.bundle", None, 3])
def test_an_unknown_media_type_is_malformed(media_type: object) -> None:
    assert refusal(lambda bundle: bundle.update(mediaType=media_type)) == "bundle_malformed"


@pytest.mark.parametrize("kind", [{"certificate": {"rawBytes": "eA=="}}, {"x509CertificateChain": CHAIN}])
def test_a_certificate_instead_of_a_key_is_unsupported(kind: dict[str, object]) -> None:
    assert refusal(material(publicKey=None, **kind)) == "bundle_unsupported"


def test_a_message_signature_is_unsupported() -> None:
    def edit(bundle: dict[str, Any]) -> None:
        del bundle["dsseEnvelope"]
        bundle["messageSignature"] = {"signature": "eA=="}

    assert refusal(edit) == "bundle_unsupported"


@pytest.mark.parametrize(
    "edit",
    [
        lambda bundle: bundle.update(messageSignature={"signature": "eA=="}),
        lambda bundle: bundle.pop("dsseEnvelope"),
        material(publicKey=None),
        material(certificate={"rawBytes": "eA=="}),
        material(x509CertificateChain=CHAIN),
    ],
)
def test_anything_but_one_content_and_one_key_material_is_malformed(edit: Edit) -> None:
    assert refusal(edit) == "bundle_malformed"


@pytest.mark.parametrize(
    "edit",
    [
        lambda bundle: bundle.update(extra=1),
        material(extra=1),
        material(publicKey={"extra": 1}),
        material(publicKey={"hint": 1}),
        material(publicKey="x"),
        lambda bundle: bundle["dsseEnvelope"].update(extra=1),
        lambda bundle: bundle.update(verificationMaterial=[]),
        lambda bundle: bundle.update(dsseEnvelope="x"),
    ],
)
def test_an_unknown_member_or_another_type_is_malformed(edit: Edit) -> None:
    assert refusal(edit) == "bundle_malformed"


@pytest.mark.parametrize("octets", [b"", b"[]", b"null", b"{}", b'{"mediaType":"a","mediaType":"a"}'])
def test_what_is_no_bundle_is_malformed(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_bundle(octets, limits=Limits())
    assert caught.value.code == "bundle_malformed"


def test_size_and_structure_are_refused_one_beyond_the_limit() -> None:
    octets = AUTHORITY.bundle(DIGEST)
    assert parse_bundle(octets, limits=Limits(blob_octets=len(octets)))
    for limits in (Limits(blob_octets=len(octets) - 1), Limits(json_structure=5)):
        with pytest.raises(InvalidInput) as caught:
            parse_bundle(octets, limits=limits)
        assert caught.value.code == "evidence_limit"
