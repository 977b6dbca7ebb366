"""Certificate chains: from a leaf to a configured authority, valid at every verified time."""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.public_key import load_verifying_key
from assay.verification.issuer import (
    CODE_SIGNING,
    Issuance,
    IssuerCertificate,
    chain_invalid,
    find_extension,
    find_issuance,
    read_issuer,
    refuse_unprocessed,
    validity,
)
from assay.verification.trust_root import TrustRoot
from assay.verification.window import Window

_MOST_SIGNATURES = 16
"""Signatures verified while looking for a path: crafted certificates of one name cost no more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A configured chain: the evidence's certificates may end in any of its issuers; `window` bounds all of them."""

    issuers: tuple[IssuerCertificate, ...]
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIssuer:
    """The certificate that issued the leaf, on a path that ends in a configured root."""

    spki_der: bytes = field(repr=False)

    @property
    def key_hash(self) -> bytes:
        """SHA-256 over the issuer's key, as an SCT binds it (RFC 6962, section 3.2)."""
        return hashlib.sha256(self.spki_der).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A certificate reached from the leaf; `below` are the authorities between them, the leaf's issuer first."""

    certificate: x509.Certificate
    below: tuple[IssuerCertificate, ...] = ()


def verify_chain(
    leaf: x509.Certificate, extra: Sequence[x509.Certificate], root: TrustRoot, times: Sequence[datetime]
) -> VerifiedIssuer:
    """Find the path from a leaf to a certificate authority of the trust root, valid at every one of `times`.

    Guaranteed: the leaf, every certificate of the path and the authority's own window contain every time, ends
    included; each certificate was issued by the next and may issue. Certificates of the evidence (`extra`) may
    complete the path and never anchor it. Not checked: what the leaf may be used for (`check_leaf`), revocation.
    Raises `EvidenceRejected`: `no_verified_time` without a time, `certificate_expired` when only windows fail, else
    `chain_invalid`.
    """
    if not times:
        raise EvidenceRejected(
            "no_verified_time",
            "nothing establishes when the certificate was used",
            remedy="sign with a log or a timestamp authority of the trust root",
        )
    anchors = [Anchor(issuers=authority.issuers, window=authority.window) for authority in root.authorities]
    return find_path(leaf, extra, anchors, times, purpose=CODE_SIGNING)


def find_path(
    leaf: x509.Certificate,
    extra: Sequence[x509.Certificate],
    anchors: Sequence[Anchor],
    times: Sequence[datetime],
    *,
    purpose: x509.ObjectIdentifier,
) -> VerifiedIssuer:
    """Find the path from a leaf to one of the anchors; see `verify_chain`."""
    try:
        window = validity(leaf)
    except ValueError as error:
        raise chain_invalid(f"the certificate cannot be used: {error}") from error
    search = _Search(anchors=anchors, times=times, purpose=purpose, extra=list(extra))
    issuer = search.run(leaf)
    if issuer is None and search.outside:
        raise _expired("the certificate's issuers were not valid at every verified time")
    if issuer is None:
        raise chain_invalid("no path leads from the certificate to a configured authority")
    if not all(window.contains(time) for time in times):
        raise _expired("the certificate was not valid at every verified time")
    return VerifiedIssuer(spki_der=issuer.spki)


class _Search:
    """A breadth-first search: the first path found has the fewest certificates, so no longer one could do better."""

    def __init__(
        self,
        *,
        anchors: Sequence[Anchor],
        times: Sequence[datetime],
        purpose: x509.ObjectIdentifier,
        extra: list[x509.Certificate],
    ) -> None:
        self._anchors = anchors
        self._times = times
        self._purpose = purpose
        self._unvisited = extra
        self._signatures = 0
        self.outside = False
        """Whether a path was found that only a window spoils."""

    def run(self, leaf: x509.Certificate) -> IssuerCertificate | None:
        nodes = deque([_Node(certificate=leaf)])
        while nodes:
            node = nodes.popleft()
            for anchor in self._anchors:
                issuer = self._find_anchored(node, anchor)
                if issuer is not None:
                    return node.below[0] if node.below else issuer
            nodes.extend(self._expand(node))
        return None

    def _find_anchored(self, node: _Node, anchor: Anchor) -> IssuerCertificate | None:
        for position, issuer in enumerate(anchor.issuers):
            above = anchor.issuers[position:]
            if not _leaves_room(above, len(node.below)) or not self._issued(node.certificate, issuer.certificate):
                continue
            windows = [anchor.window, *(link.window for link in (*node.below, *above))]
            if all(window.contains(time) for window in windows for time in self._times):
                return issuer
            self.outside = True
        return None

    def _expand(self, node: _Node) -> list[_Node]:
        found = []
        for certificate in tuple(self._unvisited):
            if not self._issued(node.certificate, certificate):
                continue
            self._unvisited.remove(certificate)
            issuer = read_issuer(certificate, self._purpose)
            if _leaves_room((issuer,), len(node.below)):
                found.append(_Node(certificate=certificate, below=(*node.below, issuer)))
        return found

    def _issued(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        issuance = find_issuance(certificate, issuer)
        self._signatures += issuance is not Issuance.OTHER
        if self._signatures > _MOST_SIGNATURES:
            raise chain_invalid("too many certificates claim to be the issuer of another")
        return issuance is Issuance.ISSUED


def _leaves_room(issuers: Sequence[IssuerCertificate], below: int) -> bool:
    """Whether each issuer allows the authorities between it and the leaf, `below` under the first."""
    return all(
        issuer.path_length is None or issuer.path_length >= below + distance for distance, issuer in enumerate(issuers)
    )


def check_leaf(leaf: x509.Certificate) -> None:
    """Refuse a certificate that may not sign artefacts.

    Required, besides `check_leaf_usage`: exactly one subject alternative name, of any type; nothing critical that
    is not enforced; a strong key. Raises `EvidenceRejected(leaf_unsuitable)`.
    """
    check_leaf_usage(leaf)
    try:
        refuse_unprocessed(leaf)
        _check_name(leaf)
        spki = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        load_verifying_key(PublicKey(spki=spki))
    except (ValueError, UnsupportedAlgorithm, InvalidInput) as error:
        raise _unsuitable(str(error)) from error


def check_leaf_usage(leaf: x509.Certificate) -> None:
    """Refuse a certificate that is an authority or not for digital signatures and code signing.

    Raises `EvidenceRejected(leaf_unsuitable)`.
    """
    try:
        _check_usage(leaf)
    except ValueError as error:
        raise _unsuitable(str(error)) from error


def _check_name(leaf: x509.Certificate) -> None:
    names = find_extension(leaf, x509.SubjectAlternativeName)
    if names is None or len(names.value) != 1:
        raise ValueError("it does not have exactly one subject alternative name")


def _check_usage(leaf: x509.Certificate) -> None:
    constraints = find_extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        raise ValueError("it is an authority")
    usage = find_extension(leaf, x509.KeyUsage)
    if usage is None or not usage.value.digital_signature:
        raise ValueError("its key usage does not allow signatures")
    extended = find_extension(leaf, x509.ExtendedKeyUsage)
    if extended is None or CODE_SIGNING not in set(extended.value):
        raise ValueError("it is not for code signing")


def _unsuitable(why: str) -> EvidenceRejected:
    return EvidenceRejected(
        "leaf_unsuitable",
        f"the certificate may not sign artefacts: {why[:300]}",
        remedy="sign with a certificate for code signing",
    )


def _expired(why: str) -> EvidenceRejected:
    return EvidenceRejected("certificate_expired", why, remedy="sign again, within the certificate's time")
