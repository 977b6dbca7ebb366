"""Sigstore bundles, versions 0.1, 0.2 and 0.3."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import Certificate

from assay.domain.descriptor import SIGSTORE_BUNDLE
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.identity import PublicKey
from assay.domain.limit import Limits
from assay.domain.statement import PAYLOAD_TYPE
from assay.formats.base64text import encode_base64
from assay.formats.certificate import encode_certificate, parse_certificate
from assay.formats.dsse import ENVELOPE_MEMBERS, Envelope, read_envelope
from assay.formats.evidence_object import EvidenceObject, malformed
from assay.formats.log_entry import read_log_entries, read_timestamps
from assay.formats.untrusted_evidence import HashName, MessageSignature, UntrustedEvidence

_FAMILY = "application/vnd.dev.sigstore.bundle"
_VERSIONS = {
    f"{_FAMILY}+json;version=0.1": 1,
    f"{_FAMILY}+json;version=0.2": 2,
    f"{_FAMILY}+json;version=0.3": 3,
    SIGSTORE_BUNDLE: 3,
}
_OTHER_VERSION = re.compile(rf"{re.escape(_FAMILY)}(\+json;version=[0-9.]+|\.v[0-9.]+\+json)", re.ASCII)
_CONTENTS = frozenset({"dsseEnvelope", "messageSignature"})
_KEY_MATERIALS = frozenset({"publicKey", "certificate", "x509CertificateChain"})
_HASHES = {"SHA2_256": HashName.SHA256, "SHA2_384": HashName.SHA384, "SHA2_512": HashName.SHA512}
_Encoded = tuple[bytes, Certificate]
_DIGEST_OCTETS = {HashName.SHA256: 32, HashName.SHA384: 48, HashName.SHA512: 64}


def parse_bundle(octets: bytes, *, limits: Limits) -> UntrustedEvidence:
    """Parse a bundle.

    Guaranteed: a known version, exactly one content and one key material of that version, no unknown member; log
    entries, timestamps and certificates are well formed and within the caps; no certificate of a chain is a root.
    Nothing is verified: the key hint names no trusted key and is not kept.
    Raises `InvalidInput(bundle_malformed | bundle_unsupported | evidence_limit)`; unsupported are other versions.
    Source: sigstore_bundle.proto, sigstore protobuf-specs.
    """
    known = _CONTENTS | {"mediaType", "verificationMaterial"}
    bundle = EvidenceObject.parse(
        octets, what="the bundle", known=known, limits=limits, structure=limits.bundle_structure
    )
    version = _read_version(bundle.text("mediaType"))
    material = bundle.section(
        "verificationMaterial", known=_KEY_MATERIALS | {"tlogEntries", "timestampVerificationData"}
    )
    content = _read_content(bundle)
    encoded = _read_certificates(material, version, limits)
    return UntrustedEvidence(
        format="bundle",
        content=content,
        stamped=content.signature,
        certificates=tuple(certificate for _, certificate in encoded),
        signer_der=encoded[0][0] if encoded else b"",
        chain_in_new_bundle=version == 3 and material.has("x509CertificateChain"),
        log_entries=read_log_entries(
            material,
            proof_required=version > 1,
            payload_octets=len(content.untrusted_payload) if isinstance(content, Envelope) else 0,
            limits=limits,
        ),
        timestamps=read_timestamps(material, limits=limits),
    )


def _read_version(media_type: str) -> int:
    if media_type in _VERSIONS:
        return _VERSIONS[media_type]
    if _OTHER_VERSION.fullmatch(media_type):
        raise InvalidInput(
            "bundle_unsupported",
            "a bundle of another version than 0.1, 0.2 and 0.3",
            remedy="sign with a tool that writes version 0.3 bundles",
        )
    raise malformed("the bundle.mediaType", "it does not name a Sigstore bundle")


def _read_content(bundle: EvidenceObject) -> Envelope | MessageSignature:
    if _only_one(bundle, _CONTENTS, "content") == "dsseEnvelope":
        return read_envelope(bundle.section("dsseEnvelope", known=ENVELOPE_MEMBERS))
    message = bundle.section("messageSignature", known={"messageDigest", "signature"})
    return MessageSignature(signature=message.octets("signature"), hint=_read_hint(message))


def _read_hint(message: EvidenceObject) -> tuple[HashName, bytes] | None:
    if not message.has("messageDigest"):
        return None
    section = message.section("messageDigest", known={"algorithm", "digest"})
    algorithm = _HASHES.get(section.text("algorithm", default=""))
    digest = section.octets("digest")
    if algorithm is None or len(digest) != _DIGEST_OCTETS[algorithm]:
        raise malformed(section.what, "a SHA2_256, SHA2_384 or SHA2_512 digest is expected")
    return algorithm, digest


def _read_certificates(material: EvidenceObject, version: int, limits: Limits) -> tuple[_Encoded, ...]:
    """The certificates with their DER, the signer's first; none when the key material is a key."""
    match _only_one(material, _KEY_MATERIALS, "key material"):
        case "publicKey":
            material.section("publicKey", known={"hint"}).text("hint", default="")
            return ()
        case "certificate":
            if version < 3:
                raise malformed(f"{material.what}.certificate", "a bundle of this version has a certificate chain")
            return (_read_certificate(material.members["certificate"], f"{material.what}.certificate", limits),)
        case _:
            return _read_chain(material.section("x509CertificateChain", known={"certificates"}), limits)


def _read_chain(chain: EvidenceObject, limits: Limits) -> tuple[_Encoded, ...]:
    values = chain.items("certificates", most=limits.chain_certificates)
    if not values:
        raise malformed(f"{chain.what}.certificates", "at least one certificate is expected")
    certificates = tuple(
        _read_certificate(value, f"{chain.what}.certificates[{number}]", limits) for number, value in enumerate(values)
    )
    if any(_signed_itself(certificate) for _, certificate in certificates):
        raise malformed(f"{chain.what}.certificates", "a root does not belong into evidence: trust is configured")
    return certificates


def _read_certificate(value: object, what: str, limits: Limits) -> _Encoded:
    der = EvidenceObject.of(value, what=what, known={"rawBytes"}).octets("rawBytes")
    return der, parse_certificate(der, what=what, limits=limits)


def _signed_itself(certificate: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _only_one(place: EvidenceObject, names: frozenset[str], what: str) -> str:
    present = [name for name in names if place.has(name)]
    if len(present) != 1:
        raise malformed(place.what, f"exactly one {what} is expected")
    return present[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouchers:
    """What vouches for a signature: entries of logs as a bundle holds them (`tlogEntries`), and timestamps."""

    log_entries: tuple[Mapping[str, object], ...] = ()
    timestamps: tuple[bytes, ...] = field(default=(), repr=False)


_NO_VOUCHERS = Vouchers()


def render_bundle(
    payload: bytes, signature: bytes, holder: PublicKey | Certificate, vouchers: Vouchers = _NO_VOUCHERS
) -> bytes:
    """Render a bundle around an in-toto statement that this key, or that of this certificate, signed.

    Not checked: that the signature is one of that key over the payload's PAE, and that the vouchers are about it. The
    hint of a key is the base64 SHA-256 of the SubjectPublicKeyInfo, as cosign writes it.
    """
    return _render(holder, {"dsseEnvelope": _envelope(payload, signature)}, vouchers)


def render_envelope(payload: bytes, signature: bytes) -> bytes:
    """Render the envelope around a signed in-toto statement, byte for byte as it stands in `render_bundle`."""
    return _dump(_envelope(payload, signature))


def render_message_bundle(
    message: bytes, signature: bytes, holder: PublicKey | Certificate, vouchers: Vouchers = _NO_VOUCHERS
) -> bytes:
    """Render a bundle with the signature of this key, or that of this certificate, over a message outside of it.

    Not checked: the signature, and that the vouchers are about it.
    """
    digest = {"algorithm": "SHA2_256", "digest": encode_base64(Digest.of(message).octets)}
    content = {"messageSignature": {"messageDigest": digest, "signature": encode_base64(signature)}}
    return _render(holder, content, vouchers)


def _envelope(payload: bytes, signature: bytes) -> Mapping[str, object]:
    return {
        "payload": encode_base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": encode_base64(signature)}],
    }


def _render(holder: PublicKey | Certificate, content: Mapping[str, object], vouchers: Vouchers) -> bytes:
    if isinstance(holder, PublicKey):
        material: dict[str, object] = {"publicKey": {"hint": encode_base64(holder.key_id.octets)}}
    else:
        material = {"certificate": {"rawBytes": encode_base64(encode_certificate(holder))}}
    if vouchers.log_entries:
        material["tlogEntries"] = list(vouchers.log_entries)
    if vouchers.timestamps:
        stamps = [{"signedTimestamp": encode_base64(token)} for token in vouchers.timestamps]
        material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
    return _dump({"mediaType": SIGSTORE_BUNDLE, "verificationMaterial": material, **content})


def _dump(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")
