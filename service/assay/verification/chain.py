"""Certificate chains: from a leaf to a configured authority, valid at every verified time."""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.formats.certificate import SignedParts, encode_certificate, read_signed_parts
from assay.formats.public_key import accept_key
from assay.verification.extension import Extensions
from assay.verification.issuer import (
    CODE_SIGNING,
    Issuance,
    IssuerCertificate,
    chain_invalid,
    find_issuance,
    find_known_issuance,
    read_issuer,
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
    """The certificate that issued the leaf, on a path that ends in a configured root.

    `windows` are all that bound the path: those of the leaf, of its issuers and of the configured authority.
    """

    spki_der: bytes = field(repr=False)
    windows: tuple[Window, ...]

    @property
    def key_hash(self) -> bytes:
        """SHA-256 over the issuer's key, as an SCT binds it (RFC 6962, section 3.2)."""
        return hashlib.sha256(self.spki_der).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A certificate reached from the leaf; `below` are the authorities between them, the leaf's issuer first."""

    certificate: x509.Certificate
    parts: SignedParts
    below: tuple[IssuerCertificate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    """A path to an anchor: the issuer of the leaf, and the windows of everything above the leaf."""

    issuer: IssuerCertificate
    windows: tuple[Window, ...]


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
        node = _Node(certificate=leaf, parts=read_signed_parts(encode_certificate(leaf)))
    except (ValueError, InvalidInput) as error:
        raise chain_invalid(f"the certificate cannot be used: {error}") from error
    search = _Search(anchors=anchors, times=times, purpose=purpose, extra=list(extra))
    found = search.run(node)
    if found is None and search.outside:
        raise _expired("the certificate's issuers were not valid at every verified time")
    if found is None:
        raise chain_invalid("no path leads from the certificate to a configured authority")
    if not all(window.contains(time) for time in times):
        raise _expired("the certificate was not valid at every verified time")
    return VerifiedIssuer(spki_der=found.issuer.spki, windows=(window, *found.windows))


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

    def run(self, leaf: _Node) -> _Path | None:
        nodes = deque([leaf])
        while nodes:
            node = nodes.popleft()
            for anchor in self._anchors:
                path = self._find_anchored(node, anchor)
                if path is not None:
                    return path
            nodes.extend(self._expand(node))
        return None

    def _find_anchored(self, node: _Node, anchor: Anchor) -> _Path | None:
        for position, issuer in enumerate(anchor.issuers):
            above = anchor.issuers[position:]
            if not _leaves_room(above, len(node.below)):
                continue
            if not self._issued(find_known_issuance(node.certificate, node.parts, issuer)):
                continue
            windows = (anchor.window, *(link.window for link in (*node.below, *above)))
            if all(window.contains(time) for window in windows for time in self._times):
                return _Path(issuer=node.below[0] if node.below else issuer, windows=windows)
            self.outside = True
        return None

    def _expand(self, node: _Node) -> list[_Node]:
        found = []
        for certificate in tuple(self._unvisited):
            if not self._issued(find_issuance(node.certificate, certificate)):
                continue
            self._unvisited.remove(certificate)
            issuer = read_issuer(certificate, self._purpose)
            if _leaves_room((issuer,), len(node.below)):
                found.append(_Node(certificate=certificate, parts=issuer.parts, below=(*node.below, issuer)))
        return found

    def _issued(self, issuance: Issuance) -> bool:
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
    try:
        extensions = Extensions.read(leaf)
        _check_usage(extensions)
        extensions.refuse_unprocessed()
        _check_name(extensions)
        accept_key(leaf.public_key())
    except (ValueError, UnsupportedAlgorithm, InvalidInput) as error:
        raise _unsuitable(str(error)) from error


def check_leaf_usage(leaf: x509.Certificate) -> None:
    """Refuse a certificate that is an authority or not for digital signatures and code signing.

    Raises `EvidenceRejected(leaf_unsuitable)`.
    """
    try:
        _check_usage(Extensions.read(leaf))
    except ValueError as error:
        raise _unsuitable(str(error)) from error


def _check_name(extensions: Extensions) -> None:
    names = extensions.find(x509.SubjectAlternativeName)
    if names is None or len(names.value) != 1:
        raise ValueError("it does not have exactly one subject alternative name")


def _check_usage(extensions: Extensions) -> None:
    constraints = extensions.find(x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        raise ValueError("it is an authority")
    usage = extensions.find(x509.KeyUsage)
    if usage is None or not usage.value.digital_signature:
        raise ValueError("its key usage does not allow signatures")
    extended = extensions.find(x509.ExtendedKeyUsage)
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
