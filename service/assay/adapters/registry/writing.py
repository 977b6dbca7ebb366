"""Writing to a registry: blobs, manifests, and the fallback tag where there is no referrers API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from assay.adapters.registry.access import Place, RegistryAccess
from assay.adapters.registry.authorization import AuthorizedTransport, Scope
from assay.adapters.registry.blob_source import BlobSource
from assay.adapters.registry.claimed_digest import check_claim, mismatch
from assay.adapters.registry.exchange import Answer, Exchange
from assay.adapters.registry.fallback import listing
from assay.adapters.registry.reading import RegistryReader
from assay.adapters.registry.tag import SETTLE_SECONDS, TaggedManifest, Written, amend_tag
from assay.adapters.registry.upload import BlobUpload
from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.evidence_tag import evidence_tag
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from assay.formats.manifest import ImageIndex, parse_manifest
from assay.ports import Amend

_FOUND_OR_NOT = frozenset({200, 404})
_BLOB = "application/octet-stream"
_NOBODYS_ENTITY_TAG = '"sha256:none"'


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryWriter:
    """Writes to repositories at their origin; see `RegistryClient` for what is guaranteed.

    `heeds_conditions` remembers by host whether a registry takes notice of `If-Match`.
    """

    transport: AuthorizedTransport
    access: RegistryAccess
    limits: Limits
    reader: RegistryReader
    pause: Callable[[float], None]
    piece_octets: int
    heeds_conditions: dict[str, bool] = field(default_factory=dict)

    def push_blob(
        self, repository: Repository, source: BlobSource, deadline: Deadline, *, mounted_from: Repository | None
    ) -> Descriptor:
        """Upload a blob unless the registry can take it from another of its repositories, or has it."""
        target = _Target(writer=self, place=self._origin(repository), deadline=deadline, mounted_from=mounted_from)
        target.push(source)
        return Descriptor(media_type=_BLOB, digest=source.digest, size=source.size)

    def push_manifest(
        self, repository: Repository, manifest: bytes, media_type: str, deadline: Deadline, *, tag: str
    ) -> Descriptor:
        """Upload a manifest by digest, or under a tag, and keep the fallback tag of its subject where necessary."""
        digest = Digest.of(manifest)
        what = f"{repository}, manifest {digest}"
        parsed = parse_manifest(manifest, media_type, what=what, limits=self.limits)
        target = _Target(writer=self, place=self._origin(repository), deadline=deadline)
        answer = target.put_manifest(tag or digest.text, manifest, media_type)
        check_claim(answer, digest, what=what)
        kind = parsed.artifact_type if isinstance(parsed, ImageIndex) else parsed.effective_artifact_type
        pushed = Descriptor(
            media_type=media_type,
            digest=digest,
            size=len(manifest),
            artifact_type=kind,
            annotations=parsed.annotations,
        )
        if parsed.subject is not None and not answer.headers.get("OCI-Subject"):
            target.note_referrer(parsed.subject.digest, pushed)
        return pushed

    def amend_tag(self, repository: Repository, tag: str, amend: Amend, deadline: Deadline) -> Content:
        """Change what is under a tag without undoing what others write there."""
        target = _Target(writer=self, place=self._origin(repository), deadline=deadline)
        return target.amend(tag, amend)

    def _origin(self, repository: Repository) -> Place:
        return Place(repository=repository, base_url=self.access.base_url(repository.registry))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """One repository that is written to within one deadline."""

    writer: RegistryWriter
    place: Place
    deadline: Deadline
    mounted_from: Repository | None = None

    def has_blob(self, digest: Digest, size: int) -> bool:
        known = Exchange(
            method="HEAD",
            url=self.place.url(f"blobs/{digest}"),
            expected=_FOUND_OR_NOT,
            cap=0,
            leaves_host=True,
        )
        answer = self.send(known)
        if answer.status == 404:
            return False
        what = f"{self.place.repository}, blob {digest}"
        check_claim(answer, digest, what=what)
        claimed = answer.headers.get("Content-Length", str(size))
        if claimed != str(size):
            raise mismatch(what, f"a blob of {claimed[:20]!r} bytes instead of {size}")
        return True

    def push(self, source: BlobSource) -> None:
        """Mount it where that is possible: one request, whether the blob was there or not; else look for it, upload."""
        start = self.place.url("blobs/uploads/")
        begun: Answer | None = None
        if self._mount is not None:
            start = f"{start}?mount={source.digest}&from={quote_plus(self._mount)}"
            begun = self._begin(start)
            if begun.status == 201:
                check_claim(begun, source.digest, what=f"{self.place.repository}, mounted blob {source.digest}")
                return
        if not self.has_blob(source.digest, source.size):
            self._upload(source, start, begun or self._begin(start))

    def _begin(self, start: str) -> Answer:
        statuses = frozenset({201, 202} if self._mount is not None else {202})
        return self.send(Exchange(method="POST", url=start, expected=statuses, cap=self.writer.limits.manifest_octets))

    def _upload(self, source: BlobSource, start: str, begun: Answer) -> None:
        BlobUpload(
            source=source,
            what=f"{self.place.repository}, blob {source.digest}",
            send=self.send,
            exists=lambda: self.has_blob(source.digest, source.size),
            whole=self.writer.piece_octets,
        ).run(start, begun)

    def put_manifest(
        self, name: str, manifest: bytes, media_type: str, *, condition: Mapping[str, str] | None = None
    ) -> Answer:
        return self.send(
            Exchange(
                method="PUT",
                url=self.place.url(f"manifests/{name}"),
                expected=frozenset({201, 412}) if condition else frozenset({201}),
                cap=self.writer.limits.manifest_octets,
                headers={"Content-Type": media_type, **(condition or {})},
                body=manifest,
                repeatable=True,
            )
        )

    def note_referrer(self, subject: Digest, referrer: Descriptor) -> None:
        name = evidence_tag(subject)
        what = f"{self.place.repository}:{name}"
        self.amend(name, listing(referrer, what=what, limits=self.writer.limits))

    def amend(self, tag: str, amend: Amend) -> Content:
        shared = _RegistryTag(target=self, name=tag)
        what = f"{self.place.repository}:{tag}"
        return amend_tag(shared, amend, settle=lambda: self.writer.pause(SETTLE_SECONDS), what=what)

    def send(self, exchange: Exchange) -> Answer:
        scope = Scope(repository=self.place.repository, actions="pull,push", mounted_from=self._mount or "")
        return self.writer.transport.send(exchange, scope, self.deadline)

    @property
    def _mount(self) -> str | None:
        """The repository to mount from: one of the same registry only."""
        source = self.mounted_from
        return source.path if source is not None and source.registry == self.place.repository.registry else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RegistryTag:
    """One tag of a repository; implements `Tag`."""

    target: _Target
    name: str

    def read(self) -> TaggedManifest:
        return self.target.writer.reader.read_tag(self.target.place, self.name, self.target.deadline)

    def write(self, manifest: Content, condition: Mapping[str, str]) -> Written:
        """Write under a condition that cannot hold, when it is not known yet whether the registry heeds conditions.

        One that does refuses, and nothing has changed; one that does not has written what was to be written anyway.
        """
        host = self.target.place.repository.registry
        heeded = self.target.writer.heeds_conditions
        if host not in heeded:
            heeded[host] = not self._put(manifest, {"If-Match": _NOBODYS_ENTITY_TAG})
            if not heeded[host]:
                return Written.UNGUARDED
        if not heeded[host] or not condition:
            self._put(manifest, {})
            return Written.UNGUARDED
        return Written.KEPT if self._put(manifest, condition) else Written.LOST

    def _put(self, manifest: Content, condition: Mapping[str, str]) -> bool:
        answer = self.target.put_manifest(self.name, manifest.octets, manifest.media_type, condition=condition)
        return answer.status == 201
