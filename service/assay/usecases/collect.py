"""Collect: every signature and attestation beside an artefact, by digest, under caps and one deadline.

Nothing is verified here. What lies beside an image, or beside an index and each of its platforms, is fetched once, in
parallel; what cannot be fetched intact is a rejection and disturbs nothing else; what could not be asked for is a gap,
because only a 404 is absence.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, takewhile

from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.evidence import EvidenceItem, Gap, GapKind, Rejection
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat
from assay.domain.limit import Limits
from assay.domain.reason import GAP_CODES
from assay.domain.reference import Repository
from assay.formats.manifest import (
    IMAGE_CONFIGS,
    ImageConfig,
    ImageIndex,
    ImageManifest,
    parse_image_config,
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
from assay.usecases.fault import gaps_of, rejection_of
from assay.usecases.index import Listing

_PARALLEL = 4

_Blob = tuple[Digest, int]
_Finding = EvidenceLayer | Rejection | Gap
_Opened = EvidenceItem | Rejection | Gap

Refuse = Callable[[EvidenceItem, Content], Rejection | None]
"""Says why evidence beside this manifest or index proves nothing, or None when it proves something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What lies beside one manifest or index, `subject`: unverified evidence, gaps and rejections.

    Each tuple is sorted and free of duplicates, so that the same content always gives the same value. `config` is that
    of an image; when it could not be read it is None, and a gap of kind `config` says why. An index has none.
    """

    subject: Content
    config: ImageConfig | None
    items: tuple[EvidenceItem, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]


def collect(
    registry: Registry,
    listing: Listing,
    deadline: Deadline,
    limits: Limits,
    *,
    refuse: Refuse,
    formats: frozenset[EvidenceFormat] = EVERY_FORMAT,
    with_config: bool = True,
) -> tuple[Collected, ...]:
    """Collect everything beside the indexes and platforms of a listing: bundles, and `.sig` and `.att` tags.

    Nothing is asked for that is not one of `formats`, nor, without `with_config`, the configuration of an image, which
    then is a gap.
    One entry for each index, then for each platform, in the order of the listing. Guaranteed: all evidence together
    stays below `limits.evidence_octets`; where it would not, what `refuse` refuses is let go, so that strangers cannot
    use up the room of what counts; no more than `limits.referrers` referrers are looked into; at most one gap for each
    subject, kind and code. Raises `InvalidInput` when the registry may not be asked at all.
    """
    places = _places(registry, listing, deadline, limits, with_config=with_config)
    subjects = {place.subject.digest: place.subject for place in places}
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        configs = [pool.submit(place.read_config) for place in places]
        found = _survey(pool, places, limits, formats)
        layers = [entry for findings in found.values() for entry in findings if isinstance(entry, EvidenceLayer)]
        fitting, too_large = _fetchable(layers, limits)
        opened = _open_all(
            fitting,
            lambda blobs: pool.map(places[0].fetch_blob, blobs),
            limits,
            lambda layer, item: refuse(item, subjects[layer.subject]),
        )
    for layer, result in (*too_large, *opened):
        found[layer.subject].append(result)
    return tuple(
        _collected(place.subject, config.result(), found[place.subject.digest])
        for place, config in zip(places, configs, strict=True)
    )


def _places(
    registry: Registry, listing: Listing, deadline: Deadline, limits: Limits, *, with_config: bool
) -> list["_Beside"]:
    return [
        _Beside(
            registry=registry,
            repository=listing.repository,
            subject=subject,
            config=config,
            with_config=with_config,
            listed=frozenset(item.descriptor.digest for item in listing.attestations),
            deadline=deadline,
            limits=limits,
        )
        for subject, config in (
            *((index, None) for index in listing.indexes),
            *((item.content, item.manifest.config) for item in listing.platforms),
        )
    ]


def _survey(
    pool: ThreadPoolExecutor, places: Sequence["_Beside"], limits: Limits, formats: frozenset[EvidenceFormat]
) -> dict[Digest, list[object]]:
    """By subject, what lies beside it; no more than `limits.referrers` referrers of all subjects are looked into."""
    wanted = [tag for tag in LEGACY_TAGS if tag.format in formats]
    tags = [(place, pool.submit(place.read_tag, tag)) for place in places for tag in wanted]
    found: dict[Digest, list[object]] = {place.subject.digest: [] for place in places}
    candidates: list[tuple[_Beside, Descriptor]] = []
    asked = places if EvidenceFormat.REFERRERS in formats else ()
    for place, listed in zip(asked, pool.map(_Beside.list_referrers, asked), strict=True):
        referrers = [entry for entry in listed if isinstance(entry, Descriptor)]
        found[place.subject.digest] = [entry for entry in listed if not isinstance(entry, Descriptor)]
        if len(candidates) + len(referrers) > limits.referrers:
            over = _limit(f"there are more than {limits.referrers} referrers")
            found[place.subject.digest] += gaps_of(over, EVERY_KIND)
        else:
            candidates += [(place, referrer) for referrer in referrers]
    looked_into = pool.map(lambda candidate: candidate[0].read_referrer(candidate[1]), candidates)
    for (place, _), findings in zip(candidates, looked_into, strict=True):
        found[place.subject.digest] += findings
    for place, read in tags:
        found[place.subject.digest] += read.result()
    return found


def _collected(subject: Content, config: ImageConfig | Gap | None, results: Sequence[object]) -> Collected:
    return Collected(
        subject=subject,
        config=config if isinstance(config, ImageConfig) else None,
        items=tuple(sorted((entry for entry in results if isinstance(entry, EvidenceItem)), key=_order)),
        gaps=_one_per_kind_and_code([*results, config]),
        rejected=tuple(sorted({entry for entry in results if isinstance(entry, Rejection)})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """Asks for what lies beside one subject; every method is total but for errors that concern the whole registry."""

    registry: Registry
    repository: Repository
    subject: Content
    config: Descriptor | None
    with_config: bool
    listed: frozenset[Digest]
    deadline: Deadline
    limits: Limits

    def list_referrers(self) -> Sequence[Descriptor | Rejection | Gap]:
        try:
            listed = self.registry.list_referrers(self.repository, self.subject.digest, self.deadline)
        except (Unavailable, InvalidInput) as error:
            return gaps_of(error, EVERY_KIND)
        distinct = {entry.digest: entry for entry in listed}
        results: list[Descriptor | Rejection | Gap] = []
        # BuildKit may name the image as the subject of what the index lists beside it: that is read as the index's.
        for digest in sorted(distinct.keys() - self.listed):
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
            return gaps_of(error, EVERY_KIND)
        except InvalidInput as error:
            return (rejection_of(error, referrer.digest),)
        if isinstance(parsed, ImageIndex):
            return _reject_index(manifest) if referrer.artifact_type else ()
        return bundle_layers(manifest, parsed, self.subject.digest)

    def read_tag(self, tag: LegacyTag) -> Sequence[_Finding]:
        """An unreadable tag is rejected under the subject's digest: it has no digest of its own that could be told."""
        try:
            manifest = self._find(tag.name(self.subject.digest))
            if manifest is None:
                return ()
            parsed = self._parse(manifest)
        except Unavailable as error:
            return gaps_of(error, tag.kinds)
        except InvalidInput as error:
            return (rejection_of(error, self.subject.digest),)
        if isinstance(parsed, ImageIndex):
            return _reject_index(manifest)
        return legacy_layers(manifest, parsed, tag, self.subject.digest)

    def read_config(self) -> ImageConfig | Gap | None:
        if self.config is None:
            return None
        if not self.with_config:
            code = "not_collected"
            return Gap(kind=GapKind.CONFIG, reason=GAP_CODES[code].reason, code=code)
        what = f"the configuration of {self.repository}@{self.subject.digest}"
        if self.config.media_type not in IMAGE_CONFIGS:
            detail = f"{what} is of type {self.config.media_type[:100]}"
            code = "config_malformed"
            return Gap(kind=GapKind.CONFIG, reason=GAP_CODES[code].reason, code=code, detail=detail)
        try:
            octets = self.registry.fetch_blob(self.repository, self.config, self.deadline)
            return parse_image_config(octets, what=what, limits=self.limits)
        except (Unavailable, InvalidInput) as error:
            return gaps_of(error, (GapKind.CONFIG,))[0]

    def fetch_blob(self, blob: _Blob) -> bytes | AssayError:
        digest, size = blob
        descriptor = Descriptor(media_type="application/octet-stream", digest=digest, size=size)
        try:
            return self.registry.fetch_blob(self.repository, descriptor, self.deadline)
        except (Unavailable, InvalidInput) as error:
            return error

    def _find(self, tag_or_digest: str) -> Content | None:
        return self.registry.find_manifest(self.repository, tag_or_digest, self.deadline)

    def _parse(self, manifest: Content) -> ImageManifest | ImageIndex:
        what = f"manifest {manifest.digest}"
        return parse_manifest(manifest.octets, manifest.media_type, what=what, limits=self.limits)


def _fetchable(
    layers: Sequence[EvidenceLayer], limits: Limits
) -> tuple[list[EvidenceLayer], list[tuple[EvidenceLayer, Rejection]]]:
    """The distinct layers, small ones first, and a rejection for each that is too large by itself."""
    distinct = {layer.identity: layer for layer in sorted(layers, reverse=True)}.values()
    ordered = sorted(distinct, key=lambda item: (item.size, item))
    too_large = [
        (layer, rejection_of(_limit(f"it has {layer.size} bytes, more than {limits.blob_octets}"), layer.digest))
        for layer in ordered
        if layer.size > limits.blob_octets
    ]
    return [layer for layer in ordered if layer.size <= limits.blob_octets], too_large


def _open_all(
    layers: Sequence[EvidenceLayer],
    fetch: Callable[[list[_Blob]], Iterable[bytes | AssayError]],
    limits: Limits,
    refuse: Callable[[EvidenceLayer, EvidenceItem], Rejection | None],
) -> list[tuple[EvidenceLayer, _Opened]]:
    """Fetch layers as many at a time as there is room for; once none fits, those that are left are a gap."""
    crowded = sum(layer.size for layer in layers) > limits.evidence_octets
    opened: list[tuple[EvidenceLayer, _Opened]] = []
    room = limits.evidence_octets
    pending = list(layers)
    while pending:
        fitting = _fitting(pending, room)
        if not fitting:
            over = _limit(f"all evidence has more than {limits.evidence_octets} bytes")
            return opened + [(layer, gap) for layer in pending for gap in gaps_of(over, layer.kinds)]
        pending = pending[len(fitting) :]
        blobs = list(dict.fromkeys((layer.digest, layer.size) for layer in fitting))
        contents = dict(zip(blobs, fetch(blobs), strict=True))
        for layer in fitting:
            for entry in _open(layer, contents):
                refused = refuse(layer, entry) if crowded and isinstance(entry, EvidenceItem) else None
                opened.append((layer, refused or entry))
                room -= layer.size if isinstance(entry, EvidenceItem) and not refused else 0
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
        return gaps_of(content, layer.kinds)
    return (rejection_of(content, layer.digest),)


def _order(item: EvidenceItem) -> tuple[str, Digest, str, str]:
    return item.shape.value, item.digest, item.signature, item.certificate


def _limit(why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", why, remedy="remove evidence that nobody needs")


def _reject_index(manifest: Content) -> Sequence[Rejection]:
    detail = "it is an index where the manifest of one piece of evidence belongs"
    return (Rejection(id=manifest.digest, code="manifest_malformed", detail=detail),)


def _one_per_kind_and_code(results: Iterable[object]) -> tuple[Gap, ...]:
    gaps = sorted({entry for entry in results if isinstance(entry, Gap)}, reverse=True)
    return tuple(sorted({(gap.kind, gap.code): gap for gap in gaps}.values()))
