"""An authority that mints evidence of every shape and breaks any one field of it, re-signed or not.

authority = FakeAuthority()
item = authority.bundle_item(digest)                                        # an image signature
item = authority.bundle_item(digest, predicate_type="https://slsa.dev/provenance/v1", predicate={...})
item = authority.bundle_item(digest, statement=lambda s: s.update(subject=[]))     # broken, then signed
item = authority.bundle_item(digest, bundle=lambda b: b.pop("mediaType"))          # signed, then broken
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.domain.digest import Digest
from assay.domain.evidence import EvidenceItem, EvidenceShape
from assay.domain.identity import Authority, PublicKey
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE, STATEMENT_V1
from assay.formats.base64text import encode_base64
from assay.formats.bundle import render_bundle
from assay.formats.dsse import pae

Json = dict[str, Any]
Edit = Callable[[Json], object]
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_CURVES: dict[str, tuple[ec.EllipticCurve, HashAlgorithm]] = {
    "p256": (ec.SECP256R1(), SHA256()),
    "p384": (ec.SECP384R1(), SHA384()),
    "p384-sha256": (ec.SECP384R1(), SHA256()),
    "p521": (ec.SECP521R1(), SHA512()),
    "p521-sha256": (ec.SECP521R1(), SHA256()),
    "p256-sha384": (ec.SECP256R1(), SHA384()),
    "p224": (ec.SECP224R1(), SHA256()),
    "secp256k1": (ec.SECP256K1(), SHA256()),
}
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
ACCEPTED_KINDS = ("p256", "p384", "p384-sha256", "p521", "p521-sha256", "ed25519", "rsa2048", "rsa2048-pss")


@cache
def _private_key(kind: str, name: str) -> PrivateKey:
    """One key per kind and name, so that two authorities of the same name are the same one."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa").removesuffix("-pss")))
    return ec.generate_private_key(_CURVES[kind][0])


def _nothing(_: Json) -> None:
    """Change nothing."""


def _same(octets: bytes) -> bytes:
    return octets


class FakeAuthority:
    """A signer (the `Signer` port) of any key kind, and the authority that holds its key."""

    def __init__(self, name: str = "release", kind: str = "p256") -> None:
        self.name = name
        self._kind = kind
        self._key = _private_key(kind, name)

    def public_key(self) -> PublicKey:
        spki = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return PublicKey(spki=spki)

    @property
    def authority(self) -> Authority:
        return Authority(name=self.name, keys=(self.public_key(),))

    def sign(self, message: bytes) -> bytes:
        match self._key:
            case ed25519.Ed25519PrivateKey():
                return self._key.sign(message)
            case rsa.RSAPrivateKey():
                return self._key.sign(message, _PSS if self._kind.endswith("-pss") else padding.PKCS1v15(), SHA256())
            case ec.EllipticCurvePrivateKey():
                return self._key.sign(message, ec.ECDSA(_CURVES[self._kind][1]))

    def envelope(
        self,
        digest: Digest,
        *,
        predicate_type: str = IMAGE_SIGNATURE,
        predicate: Mapping[str, object] | None = None,
        annotations: Mapping[str, object] | None = None,
        payload_type: str = PAYLOAD_TYPE,
        statement: Edit = _nothing,
        payload: Callable[[bytes], bytes] = _same,
        forged_payload: Callable[[bytes], bytes] = _same,
        envelope: Edit = _nothing,
    ) -> Json:
        """Mint a DSSE envelope.

        Changed before it is signed: `payload_type`, `statement` (as JSON), `payload` (as bytes); after:
        `forged_payload` (as bytes), `envelope` (as JSON).
        """
        document: Json = {
            "_type": STATEMENT_V1,
            "subject": [{"digest": {"sha256": digest.hex}, "annotations": dict(annotations or {})}],
            "predicateType": predicate_type,
            "predicate": dict(predicate or {}),
        }
        statement(document)
        octets = payload(json.dumps(document).encode())
        minted: Json = {
            "payload": encode_base64(forged_payload(octets)),
            "payloadType": payload_type,
            "signatures": [{"sig": encode_base64(self.sign(pae(payload_type, octets)))}],
        }
        envelope(minted)
        return minted

    def bundle(self, digest: Digest, *, bundle: Edit = _nothing, **parts: Any) -> bytes:
        """Mint a bundle around `envelope(digest, **parts)`; `bundle` changes it after it was signed."""
        minted: Json = json.loads(render_bundle(b"", b"", self.public_key()))
        minted["dsseEnvelope"] = self.envelope(digest, **parts)
        bundle(minted)
        return json.dumps(minted).encode()

    def bundle_item(self, digest: Digest, **parts: Any) -> EvidenceItem:
        """Mint a bundle as it is collected; arguments as for `bundle`."""
        return EvidenceItem(shape=EvidenceShape.BUNDLE, content=self.bundle(digest, **parts))

    def legacy_attestation(self, digest: Digest, *, certificate: str = "", **parts: Any) -> EvidenceItem:
        """Mint the layer of an `.att` tag; arguments as for `envelope`."""
        return EvidenceItem(
            shape=EvidenceShape.LEGACY_ATTESTATION,
            content=json.dumps(self.envelope(digest, **parts)).encode(),
            certificate=certificate,
        )

    def legacy_signature(
        self,
        digest: Digest,
        *,
        annotations: Mapping[str, object] | None = None,
        document: Edit = _nothing,
        payload: Callable[[bytes], bytes] = _same,
        forged_payload: Callable[[bytes], bytes] = _same,
        signature: Callable[[str], str] = str,
        certificate: str = "",
    ) -> EvidenceItem:
        """Mint the layer of a `.sig` tag.

        Changed before it is signed: `document` (as JSON), `payload` (as bytes); after: `forged_payload` (as bytes),
        `signature` (the base64 text of the annotation).
        """
        minted: Json = {
            "critical": {
                "identity": {"docker-reference": "registry.test/demo"},
                "image": {"docker-manifest-digest": str(digest)},
                "type": "cosign container image signature",
            },
            "optional": dict(annotations) if annotations else None,
        }
        document(minted)
        octets = payload(json.dumps(minted, separators=(",", ":")).encode())
        return EvidenceItem(
            shape=EvidenceShape.LEGACY_SIGNATURE,
            content=forged_payload(octets),
            signature=signature(encode_base64(self.sign(octets))),
            certificate=certificate,
        )
