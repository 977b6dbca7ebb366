import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from assay.domain.descriptor import SIGSTORE_BUNDLE
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.statement import PAYLOAD_TYPE
from assay.formats.base64text import encode_base64
from assay.formats.bundle import parse_bundle, render_bundle, render_message_bundle
from assay.formats.dsse import Envelope
from assay.formats.untrusted_evidence import HashName, MessageSignature, UntrustedEvidence
from tests.fakes.certificate import FakeCertificateAuthority, Leaf
from tests.fakes.signing import Edit, FakeAuthority, Json

DIGEST = Digest.of(b"image")
AUTHORITY = FakeAuthority()
CHAIN = {"certificates": [{"rawBytes": "eA=="}]}
FULCIO = FakeCertificateAuthority()
LEAF = FULCIO.issue(Leaf())
MEDIA_TYPES = {
    "0.1": "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "0.2": "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "0.3": SIGSTORE_BUNDLE,
}


def refusal(edit: Edit, limits: Limits | None = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_bundle(AUTHORITY.bundle(DIGEST, bundle=edit), limits=limits or Limits())
    return caught.value.code


def material(**members: object) -> Edit:
    return lambda bundle: bundle["verificationMaterial"].update(members)


def test_a_rendered_bundle_is_read_back() -> None:
    evidence = parse_bundle(render_bundle(b"payload", b"signature", AUTHORITY.public_key()), limits=Limits())
    assert evidence == UntrustedEvidence(
        format="bundle",
        content=Envelope(payload_type=PAYLOAD_TYPE, untrusted_payload=b"payload", signature=b"signature"),
        stamped=b"signature",
    )


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
        lambda bundle: bundle.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
        lambda bundle: bundle.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"),
        lambda bundle: bundle.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.3"),
        material(publicKey={}),
        material(publicKey={"hint": "another key"}),
        material(tlogEntries=None, timestampVerificationData=None, certificate=None),
        material(tlogEntries=[], timestampVerificationData={}),
        lambda bundle: bundle.update(messageSignature=None),
    ],
)
def test_a_bundle_with_other_words_for_the_same_is_read(edit: Edit) -> None:
    assert isinstance(parse_bundle(AUTHORITY.bundle(DIGEST, bundle=edit), limits=Limits()).content, Envelope)


@pytest.mark.parametrize(
    "version",
    [
        "application/vnd.dev.sigstore.bundle+json;version=0.4",
        "application/vnd.dev.sigstore.bundle.v0.4+json",
        "application/vnd.dev.sigstore.bundle.v1.0+json",
    ],
)
def test_another_version_is_unsupported(version: str) -> None:
    assert refusal(lambda bundle: bundle.update(mediaType=version)) == "bundle_unsupported"


@pytest.mark.parametrize("media_type", ["", "application/json", f" {SIGSTORE_BUNDLE}", f"{SIGSTORE_BUNDLE};x", None, 3])
def test_an_unknown_media_type_is_malformed(media_type: object) -> None:
    assert refusal(lambda bundle: bundle.update(mediaType=media_type)) == "bundle_malformed"


@pytest.mark.parametrize(
    "kind",
    [
        {"certificate": {"rawBytes": "eA=="}},
        {"certificate": {"rawBytes": ""}},
        {"certificate": {}},
        {"certificate": "x"},
        {"x509CertificateChain": {"certificates": [{"rawBytes": "eA=="}]}},
        {"x509CertificateChain": {"certificates": []}},
        {"x509CertificateChain": {"certificates": {}}},
        {"x509CertificateChain": {}},
    ],
)
def test_a_certificate_that_is_none_is_malformed(kind: dict[str, object]) -> None:
    assert refusal(material(publicKey=None, **kind)) == "bundle_malformed"


def keyless(version: str, *certificates: Certificate) -> Json:
    raw = [{"rawBytes": encode_base64(certificate.public_bytes(Encoding.DER))} for certificate in certificates]
    bundle = json.loads(AUTHORITY.bundle(DIGEST, bundle=lambda bundle: bundle.update(mediaType=MEDIA_TYPES[version])))
    bundle["verificationMaterial"] = (
        {"certificate": raw[0]} if len(raw) == 1 else {"x509CertificateChain": {"certificates": raw}}
    )
    return dict(bundle)


def read(bundle: Json, limits: Limits | None = None) -> UntrustedEvidence | str:
    try:
        return parse_bundle(json.dumps(bundle).encode(), limits=limits or Limits())
    except InvalidInput as error:
        return error.code


def test_certificates_are_read_with_the_leaf_first() -> None:
    for version in ("0.1", "0.2", "0.3"):
        evidence = read(keyless(version, LEAF, FULCIO.intermediate))
        assert isinstance(evidence, UntrustedEvidence)
        assert evidence.certificates == (LEAF, FULCIO.intermediate)
        assert evidence.chain_in_new_bundle is (version == "0.3")


def test_a_single_certificate_belongs_into_version_03_only() -> None:
    evidence = read(keyless("0.3", LEAF))
    assert isinstance(evidence, UntrustedEvidence)
    assert (evidence.certificates, evidence.chain_in_new_bundle) == ((LEAF,), False)
    assert read(keyless("0.2", LEAF)) == "bundle_malformed"
    assert read(keyless("0.1", LEAF)) == "bundle_malformed"


def test_a_root_in_a_chain_is_malformed() -> None:
    assert read(keyless("0.1", LEAF, FULCIO.intermediate, FULCIO.root)) == "bundle_malformed"
    assert read(keyless("0.1", LEAF, FULCIO.intermediate)) != "bundle_malformed"


def test_a_longer_chain_or_certificate_than_the_limit_is_refused() -> None:
    chain = keyless("0.1", LEAF, FULCIO.intermediate)
    size = max(len(certificate.public_bytes(Encoding.DER)) for certificate in (LEAF, FULCIO.intermediate))
    assert isinstance(read(chain, Limits(chain_certificates=2, token_octets=size)), UntrustedEvidence)
    assert read(chain, Limits(chain_certificates=1)) == "evidence_limit"
    assert read(chain, Limits(token_octets=size - 1)) == "evidence_limit"


def message(**members: object) -> Edit:
    def edit(bundle: Json) -> None:
        del bundle["dsseEnvelope"]
        bundle["messageSignature"] = {"signature": "eA==", **members}

    return edit


@pytest.mark.parametrize(
    ("members", "hint"),
    [
        ({}, None),
        ({"messageDigest": None}, None),
        (
            {"messageDigest": {"algorithm": "SHA2_256", "digest": encode_base64(bytes(32))}},
            (HashName.SHA256, bytes(32)),
        ),
        (
            {"messageDigest": {"algorithm": "SHA2_384", "digest": encode_base64(bytes(48))}},
            (HashName.SHA384, bytes(48)),
        ),
        (
            {"messageDigest": {"algorithm": "SHA2_512", "digest": encode_base64(bytes(64))}},
            (HashName.SHA512, bytes(64)),
        ),
    ],
)
def test_a_message_signature_is_read_with_what_it_says_about_the_digest(
    members: Json, hint: tuple[HashName, bytes] | None
) -> None:
    evidence = parse_bundle(AUTHORITY.bundle(DIGEST, bundle=message(**members)), limits=Limits())
    assert evidence.content == MessageSignature(signature=b"x", hint=hint)


@pytest.mark.parametrize(
    "digest",
    [
        {},
        {"algorithm": "SHA2_256"},
        {"digest": encode_base64(bytes(32))},
        {"algorithm": "SHA2_256", "digest": encode_base64(bytes(31))},
        {"algorithm": "SHA2_384", "digest": encode_base64(bytes(32))},
        {"algorithm": "SHA3_256", "digest": encode_base64(bytes(32))},
        {"algorithm": "HASH_ALGORITHM_UNSPECIFIED", "digest": encode_base64(bytes(32))},
        {"algorithm": "SHA2_256", "digest": encode_base64(bytes(32)), "extra": 1},
        [],
    ],
)
def test_a_message_digest_of_another_form_is_malformed(digest: object) -> None:
    assert refusal(message(messageDigest=digest)) == "bundle_malformed"


@pytest.mark.parametrize("members", [{"signature": None}, {"signature": "x"}, {"extra": 1}])
def test_a_message_signature_of_another_form_is_malformed(members: Json) -> None:
    assert refusal(message(**members)) == "bundle_malformed"


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
    for limits in (Limits(blob_octets=len(octets) - 1), Limits(bundle_structure=5)):
        with pytest.raises(InvalidInput) as caught:
            parse_bundle(octets, limits=limits)
        assert caught.value.code == "evidence_limit"


def test_a_rendered_message_signature_is_read_back() -> None:
    rendered = render_message_bundle(b"message", b"signature", AUTHORITY.public_key())
    evidence = parse_bundle(rendered, limits=Limits())
    hint = (HashName.SHA256, Digest.of(b"message").octets)
    assert evidence.content == MessageSignature(signature=b"signature", hint=hint)
    assert evidence.certificates == ()


def test_a_certificate_is_shown_instead_of_a_key() -> None:
    certificate = FakeCertificateAuthority().issue(Leaf())
    parsed = parse_bundle(render_bundle(b"payload", b"signature", certificate), limits=Limits())
    assert parsed.certificates == (certificate,)
