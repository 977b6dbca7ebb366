"""Collect: every signature and attestation beside an image, by digest, under caps and one deadline.

Nothing is verified here. What lies beside the image is fetched once, in parallel; what cannot be fetched intact is a
rejection and disturbs nothing else; what could not be asked for is a gap, because only a 404 is absence.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.evidence import EvidenceItem, Gap, GapKind, Rejection
from assay.domain.limit import Limits
from assay.domain.reason import GAP_CODES, REJECTION_CODES
from assay.formats.manifest import (
    IMAGE_CONFIGS,
    ImageConfig,
    ImageIndex,
    ImageManifest,
    parse_image_config,
    parse_image_manifest,
    parse_manifest,
)
from assay.ports import Registry
from assay.usecases.evidence_layer import (
    EVERY_KIND,
    LEGACY_TAGS,
    EvidenceLayer,
    LegacyTag,
    bundle_layers,
    legacy_layers,
    may_hold_bundle,
    reject_other_evidence,
)

_PARALLEL = 4

_Blob = tuple[Digest, int]
_Finding = EvidenceLayer | Rejection | Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What lies beside an image: its parsed manifest and configuration, unverified evidence, gaps and rejections.

    Each tuple is sorted and free of duplicates, so that the same content always gives the same value. `config` is None
    when it could not be read; then a gap of kind `config` says why. `platform` is `os/architecture[/variant]` as the
    configuration has it, or empty.
    """

    manifest: Content
    image_manifest: ImageManifest
    config: ImageConfig | None
    platform: str
    items: tuple[EvidenceItem, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]


def collect(registry: Registry, artefact: Artefact, manifest: Content, deadline: Deadline, limits: Limits) -> Collected:
    """Collect everything beside an image: bundles among its referrers, and its `.sig` and `.att` tags.

    Guaranteed: no piece is fetched twice; evidence together stays below `limits.evidence_octets`; at most one gap for
    each kind and code. Raises `InvalidInput` when the image's own manifest cannot be used (`digest_mismatch`,
    `manifest_malformed`, `index_unsupported`) and when the registry may not be asked at all.
    """
    if manifest.digest != artefact.digest:
        raise InvalidInput(
            "digest_mismatch", f"the manifest of {artefact.reference} is {manifest.digest}", remedy="resolve it again"
        )
    image = parse_image_manifest(manifest, what=str(artefact.reference), limits=limits)
    beside = _Beside(registry=registry, artefact=artefact, deadline=deadline, limits=limits)
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        config_read = pool.submit(beside.read_config, image.config)
        tags_read = [pool.submit(beside.read_tag, tag) for tag in LEGACY_TAGS]
        listed = beside.list_referrers()
        candidates = [entry for entry in listed if isinstance(entry, Descriptor)]
        found: list[_Finding] = [entry for entry in listed if not isinstance(entry, Descriptor)]
        for findings in pool.map(beside.read_referrer, candidates):
            found.extend(findings)
        for read in tags_read:
            found.extend(read.result())
        layers, left_out = _affordable([entry for entry in found if isinstance(entry, EvidenceLayer)], limits)
        blobs = list(dict.fromkeys((layer.digest, layer.size) for layer in layers))
        contents = dict(zip(blobs, pool.map(beside.fetch_blob, blobs), strict=True))
    config = config_read.result()
    results = [*found, *left_out, *(entry for layer in layers for entry in _open(layer, contents))]
    return Collected(
        manifest=manifest,
        image_manifest=image,
        config=config if isinstance(config, ImageConfig) else None,
        platform=config.platform if isinstance(config, ImageConfig) else "",
        items=tuple(entry for entry in results if isinstance(entry, EvidenceItem)),
        gaps=_one_per_kind_and_code([*results, config]),
        rejected=tuple(sorted({entry for entry in results if isinstance(entry, Rejection)})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """Asks for what lies beside one image; every method is total but for errors that concern the whole registry."""

    registry: Registry
    artefact: Artefact
    deadline: Deadline
    limits: Limits

    def list_referrers(self) -> Sequence[Descriptor | Rejection | Gap]:
        try:
            listed = self.registry.list_referrers(self.artefact.repository, self.artefact.digest, self.deadline)
        except (Unavailable, InvalidInput) as error:
            return _gaps(error, EVERY_KIND)
        distinct = {entry.digest: entry for entry in listed}
        results: list[Descriptor | Rejection | Gap] = []
        for digest in sorted(distinct):
            if may_hold_bundle(distinct[digest]):
                results.append(distinct[digest])
            else:
                results.extend(reject_other_evidence(digest, distinct[digest].artifact_type))
        return results

    def read_referrer(self, referrer: Descriptor) -> Sequence[_Finding]:
        try:
            manifest = self._find(referrer.digest.text)
            if manifest is None:
                detail = "the referrer is listed but does not exist"
                return (Rejection(id=referrer.digest, code="manifest_malformed", detail=detail),)
            parsed = self._parse(manifest)
        except Unavailable as error:
            return _gaps(error, EVERY_KIND)
        except InvalidInput as error:
            return (_rejection(error, referrer.digest),)
        if isinstance(parsed, ImageIndex):
            return _reject_index(manifest) if referrer.artifact_type else ()
        return bundle_layers(manifest, parsed, self.artefact.digest)

    def read_tag(self, tag: LegacyTag) -> Sequence[_Finding]:
        """An unreadable tag is rejected under the image's digest: it has no digest of its own that could be told."""
        try:
            manifest = self._find(tag.name(self.artefact.digest))
            if manifest is None:
                return ()
            parsed = self._parse(manifest)
        except Unavailable as error:
            return _gaps(error, tag.kinds)
        except InvalidInput as error:
            return (_rejection(error, self.artefact.digest),)
        if isinstance(parsed, ImageIndex):
            return _reject_index(manifest)
        return legacy_layers(manifest, parsed, tag)

    def read_config(self, descriptor: Descriptor) -> ImageConfig | Gap:
        what = f"the configuration of {self.artefact.reference}"
        if descriptor.media_type not in IMAGE_CONFIGS:
            detail = f"{what} is of type {descriptor.media_type[:100]}"
            code = "config_malformed"
            return Gap(kind=GapKind.CONFIG, reason=GAP_CODES[code].reason, code=code, detail=detail)
        try:
            octets = self.registry.fetch_blob(self.artefact.repository, descriptor, self.deadline)
            return parse_image_config(octets, what=what, limits=self.limits)
        except (Unavailable, InvalidInput) as error:
            return _gaps(error, (GapKind.CONFIG,))[0]

    def fetch_blob(self, blob: _Blob) -> bytes | AssayError:
        digest, size = blob
        descriptor = Descriptor(media_type="application/octet-stream", digest=digest, size=size)
        try:
            return self.registry.fetch_blob(self.artefact.repository, descriptor, self.deadline)
        except (Unavailable, InvalidInput) as error:
            return error

    def _find(self, tag_or_digest: str) -> Content | None:
        return self.registry.find_manifest(self.artefact.repository, tag_or_digest, self.deadline)

    def _parse(self, manifest: Content) -> ImageManifest | ImageIndex:
        what = f"manifest {manifest.digest}"
        return parse_manifest(manifest.octets, manifest.media_type, what=what, limits=self.limits)


def _affordable(layers: Sequence[EvidenceLayer], limits: Limits) -> tuple[list[EvidenceLayer], list[Rejection | Gap]]:
    """The distinct layers that fit the limits together, small ones first, and what is said about the others."""
    distinct = list({layer.identity: layer for layer in sorted(layers, reverse=True)}.values())
    kept: list[EvidenceLayer] = []
    left_out: list[Rejection | Gap] = []
    total = 0
    for layer in sorted(distinct, key=lambda item: (item.size, item)):
        if layer.size > limits.blob_octets:
            left_out.append(
                _rejection(_limit(f"it has {layer.size} bytes, more than {limits.blob_octets}"), layer.digest)
            )
            continue
        total += layer.size
        if total > limits.evidence_octets:
            left_out.extend(_gaps(_limit(f"all evidence has more than {limits.evidence_octets} bytes"), layer.kinds))
        else:
            kept.append(layer)
    return sorted(kept), left_out


def _open(layer: EvidenceLayer, contents: dict[_Blob, bytes | AssayError]) -> Sequence[EvidenceItem | Rejection | Gap]:
    content = contents[layer.digest, layer.size]
    if isinstance(content, bytes):
        return (layer.item(content),)
    if isinstance(content, Unavailable):
        return _gaps(content, layer.kinds)
    return (_rejection(content, layer.digest),)


def _limit(why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", why, remedy="remove evidence that nobody needs")


def _gaps(error: AssayError, kinds: Iterable[GapKind]) -> list[Gap]:
    if error.code not in GAP_CODES:
        raise error
    reason = GAP_CODES[error.code].reason
    return [Gap(kind=kind, reason=reason, code=error.code, detail=error.message) for kind in kinds]


def _rejection(error: AssayError, rejected: Digest) -> Rejection:
    if error.code not in REJECTION_CODES:
        raise error
    return Rejection(id=rejected, code=error.code, detail=error.message)


def _reject_index(manifest: Content) -> Sequence[Rejection]:
    detail = "it is an index where the manifest of one piece of evidence belongs"
    return (Rejection(id=manifest.digest, code="manifest_malformed", detail=detail),)


def _one_per_kind_and_code(results: Iterable[object]) -> tuple[Gap, ...]:
    gaps = sorted({entry for entry in results if isinstance(entry, Gap)}, reverse=True)
    return tuple(sorted({(gap.kind, gap.code): gap for gap in gaps}.values()))
