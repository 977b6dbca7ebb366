"""Evidence before and after verification: items, claims, gaps, rejections."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from assay.domain.digest import Digest
from assay.domain.reason import GapReason
from assay.domain.signer import Signer


class EvidenceShape(StrEnum):
    """How a piece of evidence is stored; every shape goes through the same verification steps."""

    BUNDLE = "bundle"
    LEGACY_SIGNATURE = "legacy_signature"
    LEGACY_ATTESTATION = "legacy_attestation"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """One unverified piece of evidence, fetched and digest-checked.

    `content` is the bundle, the simple-signing payload or the DSSE envelope, byte for byte. `signature` is the
    base64 text of the signature annotation (legacy signatures only). `certificate`, `chain`, `bundle` and
    `rfc3161timestamp` are the texts of the layer's `dev.sigstore.cosign/` annotations of these names (legacy only);
    an empty text means that the annotation is absent. `source` is the digest of the manifest that held it.
    """

    shape: EvidenceShape
    content: bytes
    source: Digest | None = None
    signature: str = ""
    certificate: str = ""
    chain: str = ""
    bundle: str = ""
    rfc3161timestamp: str = ""

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


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class VerifiedEntry:
    """Verified: a log of the trust root holds the entry of this signature.

    `log` is the hexadecimal id of the log's key, `origin` the name under which that key signed the checkpoint, without
    one the trust root's name of the log. `index` is the global index that the log promised with its timestamp, `leaf`
    the index that an inclusion proof established; each is None when nothing authenticates it. `time` is the promised
    time, None without a promise. `kind` is what the entry calls itself and verified as, for example `dsse 0.0.1`; empty
    where it does not say.
    """

    log: str
    origin: str
    kind: str
    index: int | None
    leaf: int | None
    time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureClaim:
    """Verified: `signer`, whom `authorities` name, signed that `bound_to` is the image.

    `bound_to` is the digest of the manifest or index that was signed; a signature of an index commits to all it lists.
    `annotations` are those inside the signed payload. `format` is `cosign` (legacy) or `bundle`. `times` are the
    verified times of signing, oldest first; without a trust root there are none, and no log entries.
    """

    item: Digest
    bound_to: Digest
    format: str
    signer: Signer
    authorities: tuple[str, ...]
    annotations: tuple[tuple[str, str], ...] = ()
    times: tuple[datetime, ...] = ()
    log_entries: tuple[VerifiedEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationClaim:
    """Verified: `signer`, whom `authorities` name, signed a statement of `predicate_type` about `subjects`.

    `subjects` are all SHA-256 subjects of the statement; `bound_to` is the one that was asked about: the digest of
    a platform's manifest or of an index. `format` is `cosign` (legacy), `bundle`, or `buildkit` for a statement that
    the signer signed by signing the index that lists it. `predicate` is the
    signed predicate, parsed strictly. What the predicate says is the signer's word, not a fact about the image.
    `times` and `log_entries` are as in `SignatureClaim`.
    """

    item: Digest
    bound_to: Digest
    predicate_type: str
    subjects: tuple[Digest, ...]
    format: str
    signer: Signer
    authorities: tuple[str, ...]
    predicate: Mapping[str, object] = field(hash=False)
    times: tuple[datetime, ...] = ()
    log_entries: tuple[VerifiedEntry, ...] = ()


Claim = SignatureClaim | AttestationClaim
