"""Evidence before and after verification: items, claims, gaps, rejections."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from assay.domain.digest import Digest
from assay.domain.reason import GapReason


class EvidenceShape(StrEnum):
    """How a piece of evidence is stored; every shape goes through the same verification steps."""

    BUNDLE = "bundle"
    LEGACY_SIGNATURE = "legacy_signature"
    LEGACY_ATTESTATION = "legacy_attestation"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """One unverified piece of evidence, fetched and digest-checked.

    `content` is the bundle, the simple-signing payload or the DSSE envelope, byte for byte. `signature` is the
    base64 text of the signature annotation (legacy signatures only). `certificate` tells that the item carries
    certificate or log annotations (legacy only). `source` is the digest of the manifest that held it.
    """

    shape: EvidenceShape
    content: bytes
    source: Digest | None = None
    signature: str = ""
    certificate: bool = False

    @property
    def digest(self) -> Digest:
        """SHA-256 of the content: the identity under which reports name the item."""
        return Digest.of(self.content)


class GapKind(StrEnum):
    """What kind of fact is missing (reference: `assay.input/v1`, `gaps[].kind`)."""

    SIGNATURE = "signature"
    PROVENANCE = "provenance"
    SBOM = "sbom"
    VULNERABILITIES = "vulnerabilities"
    VEX = "vex"
    VSA = "vsa"
    LINK = "link"
    TEST = "test"
    CONFIG = "config"
    CONTENTS = "contents"
    BASE_IMAGE = "base_image"
    TAG_STATE = "tag_state"
    HEALTH = "health"
    CRYPTO_MODULE = "crypto_module"
    KEV = "kev"
    EPSS = "epss"
    VULNDB = "vulndb"
    LICENCE = "licence"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Gap:
    """A fact that could not be established.

    `code` is the detail code of `domain.reason` (for example `registry_unavailable`); `detail` names the thing.
    """

    kind: GapKind
    reason: GapReason
    code: str
    detail: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Rejection:
    """A piece of evidence that does not hold; nothing of its content is ever reported as fact.

    `code` is one of `domain.reason.REJECTION_CODES`; `id` the digest of the rejected item.
    """

    id: Digest
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureClaim:
    """Verified: a key of `authorities` signed that `subject` is the image.

    `annotations` are those inside the signed payload. `format` is `cosign` (legacy) or `bundle`.
    """

    item: Digest
    subject: Digest
    format: str
    key_id: Digest
    authorities: tuple[str, ...]
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationClaim:
    """Verified: a key of `authorities` signed a statement of `predicate_type` about `subjects`.

    `subjects` are all SHA-256 subjects of the statement; the judged digest is one of them. `predicate` is the
    signed predicate, parsed strictly. What the predicate says is the signer's word, not a fact about the image.
    """

    item: Digest
    predicate_type: str
    subjects: tuple[Digest, ...]
    format: str
    key_id: Digest
    authorities: tuple[str, ...]
    predicate: Mapping[str, object] = field(hash=False)


Claim = SignatureClaim | AttestationClaim
