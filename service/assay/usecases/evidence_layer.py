"""Where evidence lies: bundles in referrers, legacy layers under tags. Reads manifests, never their blobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.domain.descriptor import (
    CYCLONEDX_DOCUMENT,
    DSSE_ENVELOPE,
    SIMPLE_SIGNING,
    SPDX_DOCUMENT,
    Content,
    Descriptor,
)
from assay.domain.digest import Digest
from assay.domain.evidence import EvidenceItem, EvidenceShape, GapKind, Rejection
from assay.domain.evidence_format import EvidenceFormat
from assay.domain.evidence_tag import evidence_tag
from assay.formats.legacy_evidence import read_annotations
from assay.formats.manifest import ImageManifest

EVERY_KIND = (GapKind.SIGNATURE, GapKind.PROVENANCE, GapKind.SBOM)

_BUNDLE_PREFIX = "application/vnd.dev.sigstore.bundle"
_SBOM_TYPES = frozenset({SPDX_DOCUMENT, CYCLONEDX_DOCUMENT})
_OTHER_EVIDENCE = ("signature", "notary", "cosign", "in-toto", "dsse", "attestation")


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class EvidenceLayer:
    """A blob that holds one piece of evidence, and what its manifest says beside it.

    `subject` is the manifest or index beside which it lies, `source` the digest of the manifest that holds it; the
    other fields become those of `EvidenceItem`.
    """

    shape: EvidenceShape
    digest: Digest
    size: int
    signature: str = ""
    certificate: str = ""
    chain: str = ""
    bundle: str = ""
    rfc3161timestamp: str = ""
    subject: Digest
    source: Digest

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for layers that would give the same item twice about one subject, from whichever manifest."""
        annotations = (self.signature, self.certificate, self.chain, self.bundle, self.rfc3161timestamp)
        return (self.subject, self.shape, self.digest, self.size, annotations)

    @property
    def kinds(self) -> tuple[GapKind, ...]:
        """The kinds of facts that may be missing without this layer."""
        return _LEGACY[self.shape].kinds if self.shape in _LEGACY else EVERY_KIND

    def item(self, content: bytes) -> EvidenceItem:
        """The evidence item with the blob's content."""
        return EvidenceItem(
            shape=self.shape,
            content=content,
            source=self.source,
            signature=self.signature,
            certificate=self.certificate,
            chain=self.chain,
            bundle=self.bundle,
            rfc3161timestamp=self.rfc3161timestamp,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyTag:
    """A tag `sha256-<hex><suffix>` whose layers of `media_type` are evidence (cosign 1 and 2)."""

    format: EvidenceFormat
    shape: EvidenceShape
    suffix: str
    media_type: str
    kinds: tuple[GapKind, ...]

    def name(self, subject: Digest) -> str:
        """The tag for this subject."""
        return evidence_tag(subject, self.suffix)


SIGNATURE_TAG = LegacyTag(
    format=EvidenceFormat.SIGNATURE_TAGS,
    shape=EvidenceShape.LEGACY_SIGNATURE,
    suffix=".sig",
    media_type=SIMPLE_SIGNING,
    kinds=(GapKind.SIGNATURE,),
)
ATTESTATION_TAG = LegacyTag(
    format=EvidenceFormat.ATTESTATION_TAGS,
    shape=EvidenceShape.LEGACY_ATTESTATION,
    suffix=".att",
    media_type=DSSE_ENVELOPE,
    kinds=(GapKind.PROVENANCE, GapKind.SBOM),
)
LEGACY_TAGS = (SIGNATURE_TAG, ATTESTATION_TAG)
_LEGACY = {tag.shape: tag for tag in LEGACY_TAGS}


def may_hold_bundle(referrer: Descriptor) -> bool:
    """Whether a referrer has to be looked into: it says that it holds a bundle, or it says nothing."""
    return not referrer.artifact_type or referrer.artifact_type.startswith(_BUNDLE_PREFIX)


def reject_other_evidence(digest: Digest, artifact_type: str) -> tuple[Rejection, ...]:
    """A rejection when the type is that of a bare SBOM, or of evidence that is not verified; nothing for any other."""
    if artifact_type in _SBOM_TYPES:
        return (Rejection(id=digest, code="unsigned", detail=f"nobody signed this {artifact_type}"),)
    if not any(word in artifact_type.lower() for word in _OTHER_EVIDENCE):
        return ()
    detail = f"a referrer of type {artifact_type[:100]} is not verified"
    return (Rejection(id=digest, code="bundle_unsupported", detail=detail),)


def bundle_layers(manifest: Content, parsed: ImageManifest, subject: Digest) -> Sequence[EvidenceLayer | Rejection]:
    """The bundle in a referrer's manifest.

    The manifest's `subject` has to be the judged digest, whatever the list of referrers said, and its only layer a
    Sigstore bundle. A manifest that holds no bundle is no evidence and gives nothing.
    """
    kinds = [layer.media_type for layer in parsed.layers]
    if not any(kind.startswith(_BUNDLE_PREFIX) for kind in (parsed.artifact_type, *kinds)):
        return reject_other_evidence(manifest.digest, parsed.effective_artifact_type)
    if parsed.subject is None or parsed.subject.digest != subject:
        named = parsed.subject.digest if parsed.subject else "nothing"
        return (Rejection(id=manifest.digest, code="subject_mismatch", detail=f"the manifest's subject is {named}"),)
    if len(kinds) != 1 or not kinds[0].startswith(_BUNDLE_PREFIX):
        detail = f"the manifest has {len(kinds)} layers; one layer, a bundle, is expected"
        return (Rejection(id=manifest.digest, code="bundle_malformed", detail=detail),)
    layer = parsed.layers[0]
    return (
        EvidenceLayer(
            shape=EvidenceShape.BUNDLE,
            digest=layer.digest,
            size=layer.size,
            subject=subject,
            source=manifest.digest,
        ),
    )


def legacy_layers(
    manifest: Content, parsed: ImageManifest, tag: LegacyTag, subject: Digest
) -> Sequence[EvidenceLayer | Rejection]:
    """Every layer under a legacy tag; a layer of another type than the tag's is a rejection of its own."""
    return [_legacy_layer(layer, manifest.digest, tag, subject) for layer in parsed.layers]


def _legacy_layer(layer: Descriptor, source: Digest, tag: LegacyTag, subject: Digest) -> EvidenceLayer | Rejection:
    if layer.media_type != tag.media_type:
        detail = f"a {tag.suffix} layer of type {layer.media_type[:100]} is not verified"
        return Rejection(id=layer.digest, code="bundle_unsupported", detail=detail)
    return EvidenceLayer(
        shape=tag.shape,
        digest=layer.digest,
        size=layer.size,
        subject=subject,
        source=source,
        **read_annotations(layer.annotations),
    )
