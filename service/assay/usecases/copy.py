"""Copy: an image or an index, and everything that speaks about it, to another place; digests stay as they are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from assay.domain.descriptor import INDEXES, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence_tag import EVIDENCE_SUFFIXES, evidence_tag
from assay.formats.manifest import ImageManifest, parse_image_manifest
from assay.ports import CopyingRegistry, Registry, WritableRegistry
from assay.usecases.attach import append_legacy_layers
from assay.usecases.target import Place, list_targets

_ROUNDS = 5
_PARALLEL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What lies at the target now: every manifest (the image's last), and the tags that were written."""

    manifests: tuple[Digest, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """From where to where; with `layers` false the blobs of the image itself stay behind, those of evidence do not.

    With `carrier`, a client of both sides, blobs of any size go from registry to registry without being held.
    """

    source: Registry
    origin: Place
    target: WritableRegistry
    destination: Place
    layers: bool = True
    carrier: CopyingRegistry | None = None


@dataclass(slots=True)
class _Journey:
    manifests: dict[Digest, None] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)


def copy_image(route: Route, root: Content, *, tag: str = "") -> Copied:
    """Copy `root` with all it lists, and with the referrers, signatures and attestations of each of these.

    Guaranteed: `tag` is written last, when everything that speaks about the image is there; signatures and
    attestations under legacy tags are added to those that the target has. Raises what reading and writing raise;
    what was copied before stays.
    """
    journey = _Journey()
    image = list_targets(route.source, route.origin, root)
    for content in image:
        _copy_manifest(route, journey, content, layers=route.layers)
    for content in image:
        _copy_evidence(route, journey, content)
    if tag:
        repository, deadline = route.destination.repository, route.destination.deadline
        route.target.push_manifest(repository, root.octets, root.media_type, deadline, tag=tag)
        journey.tags[tag] = None
    return Copied(manifests=tuple(journey.manifests), tags=tuple(journey.tags))


def _copy_evidence(route: Route, journey: _Journey, subject: Content) -> None:
    """Everything that speaks about a manifest, and about what speaks about it."""
    pending = [subject]
    while pending:
        current = pending.pop()
        for referrer in _read_referrers(route, current.digest):
            if referrer.digest not in journey.manifests:
                pending.append(referrer)
                for content in list_targets(route.source, route.origin, referrer):
                    _copy_manifest(route, journey, content)
        if len(journey.manifests) > route.origin.limits.referrers:
            raise InvalidInput(
                "evidence_limit",
                f"{len(journey.manifests)} manifests speak about {subject.digest}",
                remedy="remove evidence that nobody needs",
            )
        for suffix in EVIDENCE_SUFFIXES:
            _copy_tag(route, journey, evidence_tag(current.digest, suffix))


def _read_referrers(route: Route, subject: Digest) -> Iterator[Content]:
    place = route.origin
    for entry in route.source.list_referrers(place.repository, subject, place.deadline):
        content = route.source.find_manifest(place.repository, entry.digest.text, place.deadline)
        if content is None:
            raise InvalidInput(
                "manifest_unknown",
                f"{place.repository} lists the referrer {entry.digest} of {subject} and does not have it",
                remedy="have the list of referrers repaired",
            )
        yield content


def _copy_tag(route: Route, journey: _Journey, tag: str) -> None:
    place = route.origin
    content = route.source.find_manifest(place.repository, tag, place.deadline)
    if content is None:
        return
    layers = _parse(content, place).layers
    _copy_manifest(route, journey, content)
    destination = route.destination
    if route.target.find_manifest(destination.repository, tag, destination.deadline) is None:
        route.target.push_manifest(
            destination.repository, content.octets, content.media_type, destination.deadline, tag=tag
        )
    append_legacy_layers(route.target, destination, tag, layers)
    journey.tags[tag] = None


def _copy_manifest(route: Route, journey: _Journey, content: Content, *, layers: bool = True) -> None:
    if content.digest in journey.manifests:
        return
    place, target = route.destination, route.target
    if content.media_type not in INDEXES:
        parsed = _parse(content, route.origin)
        blobs = {blob.digest: blob for blob in (parsed.config, *(parsed.layers if layers else ()))}
        with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
            for _ in pool.map(lambda blob: _copy_blob(route, blob), blobs.values()):
                pass
    target.push_manifest(place.repository, content.octets, content.media_type, place.deadline)
    journey.manifests[content.digest] = None


def _copy_blob(route: Route, blob: Descriptor) -> None:
    origin, destination = route.origin, route.destination
    if route.carrier is not None:
        route.carrier.copy_blob(origin.repository, blob, destination.repository, destination.deadline)
        return
    octets = route.source.fetch_blob(origin.repository, blob, origin.deadline)
    route.target.push_blob(destination.repository, octets, destination.deadline)


def _parse(content: Content, place: Place) -> ImageManifest:
    return parse_image_manifest(content, what=f"{place.repository}, manifest {content.digest}", limits=place.limits)
