"""From an index to the manifests in question: its platforms, and the attestation manifests of BuildKit.

A manifest or index counts as listed only by digest, so that whoever signs an index signs all of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from assay.domain.deadline import Deadline
from assay.domain.descriptor import IMAGE_MANIFESTS, INDEXES, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.platform import Platform
from assay.domain.reference import Repository
from assay.formats.manifest import IMAGE_CONFIGS, ImageIndex, ImageManifest, parse_manifest
from assay.ports import Registry
from assay.usecases.resolve import Resolved

_PARALLEL = 4
_REFERENCE_TYPE = "vnd.docker.reference.type"
_REFERENCE_DIGEST = "vnd.docker.reference.digest"
_ATTESTATION = "attestation-manifest"
_MOST_NAMES = 3
_NO_ARTIFACT = frozenset({"", *IMAGE_CONFIGS})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformManifest:
    """The manifest of one image, and where it was found.

    `platform` is what the index says it runs on, unique in the index; empty for an image that no index lists.
    `indexes` are the digests of all indexes on the way to it, sorted.
    """

    content: Content
    manifest: ImageManifest
    platform: str = ""
    indexes: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationEntry:
    """An entry for statements about the platform manifest `reference`, as BuildKit lists it; nothing was fetched.

    `indexes` are the digests of all indexes on the way to it, sorted. `reference` is None when the entry names nothing
    that its index lists as an image.
    """

    descriptor: Descriptor
    reference: Digest | None
    indexes: tuple[Digest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What an artefact consists of: the indexes (none for an image), its platforms in question, its attestations.

    There is at least one platform. `indexes` begins with the artefact itself; everything else is sorted by digest.
    """

    repository: Repository
    indexes: tuple[Content, ...]
    platforms: tuple[PlatformManifest, ...]
    attestations: tuple[AttestationEntry, ...] = ()


def list_manifests(
    registry: Registry,
    resolved: Resolved,
    deadline: Deadline,
    limits: Limits,
    *,
    platform: Platform | None = None,
) -> Listing:
    """List the platforms of an artefact that are in question: every one, or those that `platform` covers.

    Whatever could be run is in question: an entry that names no platform always is, two entries for one platform both
    are, and only an entry of BuildKit's form for the platform `unknown/unknown` is taken for attestations. Guaranteed:
    at most `limits.index_depth` indexes inside each other and `limits.index_entries` entries in all of them.

    Raises `InvalidInput`: `manifest_malformed` for an index that lists something else than images, or that says
    another type or size than an entry has; `platform_missing` for an entry that the registry does not have;
    `platform_unknown` when nothing is in question; `evidence_limit`; and what the registry raises.
    """
    what = str(resolved.artefact.reference)
    parsed = parse_manifest(resolved.manifest.octets, resolved.manifest.media_type, what=what, limits=limits)
    repository = resolved.artefact.repository
    if isinstance(parsed, ImageManifest):
        return Listing(
            repository=repository,
            indexes=(),
            platforms=(PlatformManifest(content=resolved.manifest, manifest=parsed),),
        )
    walk = _Walk(registry=registry, repository=repository, deadline=deadline, limits=limits, wanted=platform)
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        level: Sequence[tuple[Content, ImageIndex]] = [(resolved.manifest, parsed)]
        for _ in range(limits.index_depth):
            entries = [entry for content, index in level for entry in walk.enter(content, index)]
            distinct = {entry.digest: entry for entry in entries if entry.digest not in walk.known}
            level = walk.keep_images(list(pool.map(walk.fetch, distinct.values())))
    if level:
        raise _over(what, f"more than {limits.index_depth} indexes lie inside each other")
    return walk.listing(resolved, what)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One walk down an index, level by level; only `fetch` may be called by several threads."""

    registry: Registry
    repository: Repository
    deadline: Deadline
    limits: Limits
    wanted: Platform | None
    entries: int = 0
    indexes: dict[Digest, Content] = field(default_factory=dict)
    images: dict[Digest, tuple[Content, ImageManifest]] = field(default_factory=dict)
    parents: dict[Digest, set[Digest]] = field(default_factory=dict)
    named: dict[Digest, set[str]] = field(default_factory=dict)
    attesting: dict[Digest, tuple[Descriptor, Digest | None]] = field(default_factory=dict)

    @property
    def known(self) -> set[Digest]:
        """What needs no fetching any more."""
        return self.indexes.keys() | self.images.keys()

    def enter(self, content: Content, index: ImageIndex) -> Iterator[Descriptor]:
        """Note what an index lists; the entries to be fetched."""
        what = f"index {content.digest}"
        self.indexes[content.digest] = content
        self.entries += len(index.manifests)
        if self.entries > self.limits.index_entries:
            raise _over(what, f"it lists more than {self.limits.index_entries} manifests")
        images = {entry.digest for entry in index.manifests if not _is_attestation(entry)}
        for entry in index.manifests:
            if _is_attestation(entry):
                self.parents.setdefault(entry.digest, set()).add(content.digest)
                self.attesting[entry.digest] = (entry, _reference(entry, images))
            elif self._in_question(entry, what):
                self.parents.setdefault(entry.digest, set()).add(content.digest)
                if entry.platform is not None:
                    self.named.setdefault(entry.digest, set()).add(str(entry.platform))
                yield entry

    def _in_question(self, entry: Descriptor, what: str) -> bool:
        # Some tools repeat the type of an image's configuration here, as the list of referrers does.
        if entry.media_type not in IMAGE_MANIFESTS | INDEXES or entry.artifact_type not in _NO_ARTIFACT:
            kind = entry.artifact_type or entry.media_type
            raise _malformed(what, f"it lists {entry.digest} of type {kind[:100]!r}, which is no image")
        if entry.media_type in INDEXES or entry.platform is None or self.wanted is None:
            return True
        return self.wanted.covers(entry.platform)

    def fetch(self, entry: Descriptor) -> tuple[Content, ImageIndex | ImageManifest]:
        """Fetch an entry and compare it with what its index says of it."""
        where = _joined(self.named.get(entry.digest, set())) or "a platform"
        content = self.registry.find_manifest(self.repository, entry.digest.text, self.deadline)
        if content is None:
            raise InvalidInput(
                "platform_missing",
                f"the index lists {entry.digest} for {where}, and {self.repository} does not have it",
                remedy="push every platform that the index lists, or name one of the others",
            )
        if (content.media_type, len(content.octets)) != (entry.media_type, entry.size):
            raise _malformed(f"the index entry for {where}", f"{entry.digest} has another type or size than it says")
        parsed = parse_manifest(content.octets, content.media_type, what=entry.digest.text, limits=self.limits)
        if isinstance(parsed, ImageManifest) and not _is_image(parsed):
            kind = parsed.effective_artifact_type
            raise _malformed(f"the index entry for {where}", f"{entry.digest} is no image but {kind[:100]!r}")
        return content, parsed

    def keep_images(
        self, fetched: Sequence[tuple[Content, ImageIndex | ImageManifest]]
    ) -> list[tuple[Content, ImageIndex]]:
        """Keep the images, return the indexes that are to be entered."""
        self.images |= {
            content.digest: (content, parsed) for content, parsed in fetched if isinstance(parsed, ImageManifest)
        }
        return [(content, parsed) for content, parsed in fetched if isinstance(parsed, ImageIndex)]

    def listing(self, resolved: Resolved, what: str) -> Listing:
        """Everything that was found."""
        images = [self.images[digest] for digest in sorted(self.images)]
        if not images:
            wanted = f"image for {self.wanted}" if self.wanted else "image"
            raise InvalidInput("platform_unknown", f"{what} lists no {wanted}", remedy="name a platform that it lists")
        labels = self._labels(content.digest for content, _ in images)
        inner = sorted(self.indexes.keys() - {resolved.manifest.digest})
        return Listing(
            repository=self.repository,
            indexes=(resolved.manifest, *(self.indexes[digest] for digest in inner)),
            platforms=tuple(
                PlatformManifest(
                    content=content,
                    manifest=manifest,
                    platform=labels[content.digest],
                    indexes=self._ancestors(content.digest),
                )
                for content, manifest in images
            ),
            attestations=tuple(
                AttestationEntry(descriptor=entry, reference=reference, indexes=self._ancestors(digest))
                for digest, (entry, reference) in sorted(self.attesting.items())
            ),
        )

    def _labels(self, digests: Iterable[Digest]) -> dict[Digest, str]:
        names = {digest: _joined(self.named.get(digest, set())) for digest in digests}
        told = list(names.values())
        return {
            digest: name if name and told.count(name) == 1 else f"{name or 'unnamed'} ({digest.hex[:12]})"
            for digest, name in names.items()
        }

    def _ancestors(self, digest: Digest) -> tuple[Digest, ...]:
        found: set[Digest] = set()
        pending = [digest]
        while pending:
            parents = self.parents.get(pending.pop(), set()) - found
            found |= parents
            pending += parents
        return tuple(sorted(found))


def _joined(names: set[str]) -> str:
    """The platforms of one manifest in words, as many as a reader can take in."""
    return " or ".join(sorted(names)) if len(names) <= _MOST_NAMES else f"{len(names)} platforms"


def _is_attestation(entry: Descriptor) -> bool:
    """What names a real platform is never taken for an attestation: a runtime would run it."""
    unknown = entry.platform is not None and not entry.platform.known
    return unknown and dict(entry.annotations).get(_REFERENCE_TYPE) == _ATTESTATION


def _is_image(manifest: ImageManifest) -> bool:
    return manifest.artifact_type in _NO_ARTIFACT and manifest.config.media_type in IMAGE_CONFIGS


def _reference(entry: Descriptor, images: set[Digest]) -> Digest | None:
    named = dict(entry.annotations).get(_REFERENCE_DIGEST, "")
    return next((digest for digest in images if digest.text == named), None)


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput("manifest_malformed", f"{what} cannot be used: {why}", remedy="push a valid index")


def _over(what: str, why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", f"{what} exceeds a limit: {why}", remedy="publish a smaller index")
