"""Legacy evidence: the layers of `.sig` and `.att` tags with their annotations (cosign 1 and 2)."""

from collections.abc import Iterable
from typing import TypedDict

from cryptography.x509 import Certificate

from assay.domain.evidence import EvidenceItem
from assay.domain.limit import Limits
from assay.formats.base64text import decode_base64
from assay.formats.certificate import encode_certificate, parse_certificate_text
from assay.formats.dsse import parse_envelope
from assay.formats.evidence_object import exceeded, malformed
from assay.formats.log_entry import LogEntry, parse_log_annotation, parse_timestamp_annotation
from assay.formats.untrusted_evidence import SignedPayload, UntrustedEvidence

SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"
CHAIN = "dev.sigstore.cosign/chain"
BUNDLE = "dev.sigstore.cosign/bundle"
TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp"
PREDICATE_TYPE = "predicateType"
"""Annotations of legacy layers."""


def parse_legacy_signature(item: EvidenceItem, *, limits: Limits) -> UntrustedEvidence:
    """Parse a `.sig` layer: the payload is not looked at before its signature has been verified.

    Timestamps have to stamp the signature. Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    signature = decode_base64(item.signature, what="the signature annotation", code="bundle_malformed")
    certificates = _certificates(item, limits)
    return UntrustedEvidence(
        format="cosign",
        content=SignedPayload(untrusted_payload=item.content, signature=signature),
        stamped=signature,
        certificates=certificates,
        signer_der=encode_certificate(certificates[0]) if certificates else b"",
        log_entries=_log_entries(item, limits),
        timestamps=_timestamps(item, limits),
    )


def parse_legacy_attestation(item: EvidenceItem, *, limits: Limits) -> UntrustedEvidence:
    """Parse an `.att` layer: an envelope.

    Timestamps have to stamp the whole envelope. Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    certificates = _certificates(item, limits)
    return UntrustedEvidence(
        format="cosign",
        content=parse_envelope(item.content, limits=limits),
        stamped=item.content,
        certificates=certificates,
        signer_der=encode_certificate(certificates[0]) if certificates else b"",
        log_entries=_log_entries(item, limits),
        timestamps=_timestamps(item, limits),
    )


def _certificates(item: EvidenceItem, limits: Limits) -> tuple[Certificate, ...]:
    chain = parse_certificate_text(item.chain, what="the chain annotation", limits=limits) if item.chain else ()
    if not item.certificate:
        if chain:
            raise malformed("the chain annotation", "it comes without a certificate")
        return ()
    leaf = parse_certificate_text(item.certificate, what="the certificate annotation", limits=limits)
    if len(leaf) != 1:
        raise malformed("the certificate annotation", "exactly one certificate is expected")
    if len(leaf + chain) > limits.chain_certificates:
        raise exceeded("the chain annotation", f"more than {limits.chain_certificates} certificates")
    return leaf + chain


def _log_entries(item: EvidenceItem, limits: Limits) -> tuple[LogEntry, ...]:
    return (parse_log_annotation(item.bundle, limits=limits),) if item.bundle else ()


def _timestamps(item: EvidenceItem, limits: Limits) -> tuple[bytes, ...]:
    return (parse_timestamp_annotation(item.rfc3161timestamp, limits=limits),) if item.rfc3161timestamp else ()


class LegacyParts(TypedDict):
    """What stands beside a legacy signature or attestation, by the names of `EvidenceItem`; empty where nothing is."""

    signature: str
    certificate: str
    chain: str
    bundle: str
    rfc3161timestamp: str


def read_annotations(annotations: Iterable[tuple[str, str]]) -> LegacyParts:
    """Read the annotations of a legacy layer; others are passed over."""
    told = dict(annotations)
    return {
        "signature": told.get(SIGNATURE, ""),
        "certificate": told.get(CERTIFICATE, ""),
        "chain": told.get(CHAIN, ""),
        "bundle": told.get(BUNDLE, ""),
        "rfc3161timestamp": told.get(TIMESTAMP, ""),
    }
