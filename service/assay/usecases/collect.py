"""Collect: every signature and attestation beside an image, by digest, under caps and one deadline.

Nothing is verified here. What lies beside the image is fetched once, in parallel; what cannot be fetched intact is a
rejection and disturbs nothing else; what could not be asked for is a gap, because only a 404 is absence.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, takewhile

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
_Opened = EvidenceItem | Rejection | Gap

Refuse = Callable[[EvidenceItem], Rejection | None]
"""Says why a piece of evidence proves nothing, or None when it proves something."""


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


def collect(
    registry: Registry, artefact: Artefact, manifest: Content, deadline: Deadline, limits: Limits, *, refuse: Refuse
) -> Collected:
    """Collect everything beside an image: bundles among its referrers, and its `.sig` and `.att` tags.

    Guaranteed: evidence together stays below `limits.evidence_octets`; where it would not, what `refuse` refuses is let
    go, so that strangers cannot use up the room of what counts; at most one gap for each kind and code. Raises
    `InvalidInput` when the image's own manifest cannot be used (`digest_mismatch`, `manifest_malformed`,
    `index_unsupported`) and when the registry may not be asked at all.
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
        layers, too_large = _fetchable([entry for entry in found if isinstance(entry, EvidenceLayer)], limits)
        opened = _open_all(layers, lambda blobs: pool.map(beside.fetch_blob, blobs), limits, refuse)
    config = config_read.result()
    results = [*found, *too_large, *opened]
    return Collected(
        manifest=manifest,
        image_manifest=image,
        config=config if isinstance(config, ImageConfig) else None,
        platform=config.platform if isinstance(config, ImageConfig) else "",
        items=tuple(sorted((entry for entry in opened if isinstance(entry, EvidenceItem)), key=_order)),
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


def _fetchable(layers: Sequence[EvidenceLayer], limits: Limits) -> tuple[list[EvidenceLayer], list[Rejection]]:
    """The distinct layers, small ones first, and a rejection for each that is too large by itself."""
    distinct = {layer.identity: layer for layer in sorted(layers, reverse=True)}.values()
    ordered = sorted(distinct, key=lambda item: (item.size, item))
    too_large = [
        _rejection(_limit(f"it has {layer.size} bytes, more than {limits.blob_octets}"), layer.digest)
        for layer in ordered
        if layer.size > limits.blob_octets
    ]
    return [layer for layer in ordered if layer.size <= limits.blob_octets], too_large


def _open_all(
    layers: Sequence[EvidenceLayer],
    fetch: Callable[[list[_Blob]], Iterable[bytes | AssayError]],
    limits: Limits,
    refuse: Refuse,
) -> list[_Opened]:
    """Fetch layers as many at a time as there is room for; once none fits, those that are left are a gap."""
    crowded = sum(layer.size for layer in layers) > limits.evidence_octets
    opened: list[_Opened] = []
    room = limits.evidence_octets
    pending = list(layers)
    while pending:
        fitting = _fitting(pending, room)
        if not fitting:
            over = _limit(f"all evidence has more than {limits.evidence_octets} bytes")
            return opened + [gap for layer in pending for gap in _gaps(over, layer.kinds)]
        pending = pending[len(fitting) :]
        blobs = list(dict.fromkeys((layer.digest, layer.size) for layer in fitting))
        contents = dict(zip(blobs, fetch(blobs), strict=True))
        for layer in fitting:
            for entry in _open(layer, contents):
                refused = refuse(entry) if crowded and isinstance(entry, EvidenceItem) else None
                opened.append(refused or entry)
                room -= layer.size if isinstance(opened[-1], EvidenceItem) else 0
    return opened


def _fitting(layers: Sequence[EvidenceLayer], room: int) -> Sequence[EvidenceLayer]:
    """As many of the first layers as have room together."""
    totals = accumulate(layer.size for layer in layers)
    return layers[: sum(1 for _ in takewhile(lambda total: total <= room, totals))]


def _open(layer: EvidenceLayer, contents: dict[_Blob, bytes | AssayError]) -> Sequence[_Opened]:
    content = contents[layer.digest, layer.size]
    if isinstance(content, bytes):
        return (layer.item(content),)
    if isinstance(content, Unavailable):
        return _gaps(content, layer.kinds)
    return (_rejection(content, layer.digest),)


def _order(item: EvidenceItem) -> tuple[str, Digest, str, str]:
    return item.shape.value, item.digest, item.signature, item.certificate


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
