"""Reading a registry: mirrors before their origin, every byte checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote_plus

from assay.adapters.registry.access import Place, RegistryAccess
from assay.adapters.registry.authorization import AuthorizedTransport, Scope
from assay.adapters.registry.blob_source import OpenedBlob
from assay.adapters.registry.claimed_digest import check_claim, mismatch
from assay.adapters.registry.content_cache import ContentCache
from assay.adapters.registry.exchange import Answer, Exchange
from assay.adapters.registry.pages import FetchPage, list_referrer_pages, list_tag_pages
from assay.adapters.registry.tag import TaggedManifest
from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence_tag import evidence_tag
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from assay.formats.manifest import MANIFEST_TYPES, parse_index, parse_manifest

_ACCEPTED = {"Accept": ", ".join(MANIFEST_TYPES)}
_FOUND_OR_NOT = frozenset({200, 404})
_MIRROR_SHARE = 0.5
_BLOB = "application/octet-stream"

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryReader:
    """Reads repositories; see `RegistryClient` for what is guaranteed.

    A mirror is asked first and may use half of the time that is left; what it does not have, or cannot answer, is read
    from the next place. Other bytes than a digest names are an error wherever they come from.
    """

    transport: AuthorizedTransport
    access: RegistryAccess
    limits: Limits
    cache: ContentCache
    count: Callable[[str], None]

    def find_manifest(self, repository: Repository, tag_or_digest: str, deadline: Deadline) -> Content | None:
        """The manifest, checked to be one, or None when there is none."""
        kept = self._kept(repository, tag_or_digest, MANIFEST_TYPES) if tag_or_digest.startswith("sha256:") else None
        if kept is not None:
            self.access.base_url(repository.registry)
            return kept

        def read(place: Place, until: Deadline) -> Content | None:
            answer = self._get(place, f"manifests/{tag_or_digest}", until)
            return self._as_manifest(answer, tag_or_digest, what=f"{place.repository}, manifest {tag_or_digest}")

        content = self._first(repository, deadline, read)
        if content is not None:
            self.cache.keep(repository, content)
        return content

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:
        """A blob with exactly the size and digest of its descriptor."""
        what = f"{repository}, blob {descriptor.digest}"
        if descriptor.size > self.limits.blob_octets:
            raise _limit(what, f"has {descriptor.size} bytes, more than {self.limits.blob_octets}")
        kept = self._kept(repository, descriptor.digest.text, (_BLOB,))
        if kept is not None and len(kept.octets) == descriptor.size:
            self.access.base_url(repository.registry)
            return kept.octets

        def read(place: Place, until: Deadline) -> Content | None:
            url = f"blobs/{descriptor.digest}"
            answer = self._get(place, url, until, cap=descriptor.size, leaves_host=True)
            return None if answer.status == 404 else _as_blob(answer, descriptor, what=what)

        content = self._first(repository, deadline, read)
        if content is None:
            raise _missing(what)
        self.cache.keep(repository, content)
        return content.octets

    def open_blob(
        self, repository: Repository, descriptor: Descriptor, deadline: Deadline, *, start: int
    ) -> OpenedBlob:
        """The bytes of a blob from `start` or earlier on, unchecked: for a `StreamedBlob`, and nobody else."""
        what = f"{repository}, blob {descriptor.digest}"
        if descriptor.size > self.limits.blob_octets:
            raise _limit(what, f"has {descriptor.size} bytes, more than {self.limits.blob_octets}")

        def read(place: Place, until: Deadline) -> OpenedBlob | None:
            exchange = Exchange(
                method="GET",
                url=place.url(f"blobs/{descriptor.digest}"),
                expected=_FOUND_OR_NOT | {206} if start else _FOUND_OR_NOT,
                cap=0,
                headers={"Accept": "*/*", **({"Range": f"bytes={start}-"} if start else {})},
                leaves_host=True,
                streamed=True,
            )
            answer = self.transport.send(exchange, Scope(repository=place.repository), until)
            return _opened(answer, start, what=what)

        opened = self._first(repository, deadline, read)
        if opened is None:
            raise _missing(what)
        return opened

    def list_referrers(
        self, repository: Repository, digest: Digest, deadline: Deadline, *, artifact_type: str
    ) -> Sequence[Descriptor]:
        """Every referrer, or those of one type: from the referrers API, or from the fallback tag where that is 404.

        The registry is asked to filter, and what it returns is filtered again.
        """
        query = f"?artifactType={quote_plus(artifact_type)}" if artifact_type else ""

        def read(place: Place, until: Deadline) -> tuple[Descriptor, ...]:
            what = f"{place.repository}, referrers of {digest}"
            first = place.url(f"referrers/{digest}{query}")
            listed = list_referrer_pages(self._pages(place, until), first, what=what, limits=self.limits)
            if listed is None:
                listed = self._read_fallback(place, digest, until)
            return tuple(entry for entry in listed if artifact_type in {"", entry.artifact_type})

        return self._first(repository, deadline, read)

    def list_tags(self, repository: Repository, deadline: Deadline) -> tuple[str, ...]:
        """Every tag, sorted."""

        def read(place: Place, until: Deadline) -> tuple[str, ...]:
            what = f"the tags of {place.repository}"
            return list_tag_pages(self._pages(place, until), place.url("tags/list"), what=what, limits=self.limits)

        return self._first(repository, deadline, read)

    def read_tag(self, place: Place, tag: str, deadline: Deadline) -> TaggedManifest:
        """What is under a tag in one place, asked for now."""
        what = f"{place.repository}:{tag}"
        answer = self._get(place, f"manifests/{tag}", deadline)
        content = self._as_manifest(answer, tag, what=what)
        return TaggedManifest(content=content, entity_tag=answer.headers.get("ETag", "") if content else "")

    def _read_fallback(self, place: Place, subject: Digest, deadline: Deadline) -> tuple[Descriptor, ...]:
        tag = evidence_tag(subject)
        found = self.read_tag(place, tag, deadline).content
        if found is None:
            return ()
        what = f"{place.repository}:{tag}"
        return parse_index(found.octets, found.media_type, what=what, limits=self.limits).manifests

    def _first(self, repository: Repository, deadline: Deadline, read: Callable[[Place, Deadline], Found]) -> Found:
        *mirrors, origin = self.access.places(repository)
        for mirror in mirrors:
            try:
                found = read(mirror, deadline.part(_MIRROR_SHARE))
            except Unavailable:
                continue
            if found:
                return found
        return read(origin, deadline)

    def _kept(self, repository: Repository, digest: str, media_types: Sequence[str]) -> Content | None:
        content = self.cache.find(repository, Digest(digest))
        if content is None or content.media_type not in media_types:
            return None
        self.count("remembered")
        return content

    def _pages(self, place: Place, deadline: Deadline) -> FetchPage:
        return lambda url: self._send(place, url, deadline, cap=self.limits.manifest_octets, headers=_ACCEPTED)

    def _get(
        self, place: Place, rest: str, deadline: Deadline, *, cap: int | None = None, leaves_host: bool = False
    ) -> Answer:
        headers = {"Accept": "*/*"} if leaves_host else _ACCEPTED
        largest = self.limits.manifest_octets if cap is None else cap
        return self._send(place, place.url(rest), deadline, cap=largest, headers=headers, leaves_host=leaves_host)

    def _send(
        self,
        place: Place,
        url: str,
        deadline: Deadline,
        *,
        cap: int,
        headers: Mapping[str, str],
        leaves_host: bool = False,
    ) -> Answer:
        exchange = Exchange(
            method="GET", url=url, expected=_FOUND_OR_NOT, cap=cap, headers=headers, leaves_host=leaves_host
        )
        return self.transport.send(exchange, Scope(repository=place.repository), deadline)

    def _as_manifest(self, answer: Answer, tag_or_digest: str, *, what: str) -> Content | None:
        if answer.status == 404:
            return None
        if len(answer.octets) > self.limits.manifest_octets:
            raise _limit(what, f"has more than {self.limits.manifest_octets} bytes")
        digest = Digest.of(answer.octets)
        check_claim(answer, digest, what=what)
        if tag_or_digest.startswith("sha256:") and digest.text != tag_or_digest:
            raise mismatch(what, digest.text)
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        parse_manifest(answer.octets, media_type, what=what, limits=self.limits)
        return Content(media_type=media_type, octets=answer.octets, digest=digest)


def _as_blob(answer: Answer, descriptor: Descriptor, *, what: str) -> Content:
    if len(answer.octets) != descriptor.size:
        raise mismatch(what, f"{len(answer.octets)} bytes or more instead of {descriptor.size}")
    try:
        return Content(media_type=_BLOB, octets=answer.octets, digest=descriptor.digest)
    except ValueError:
        raise mismatch(what, Digest.of(answer.octets).text) from None


def _opened(answer: Answer, start: int, *, what: str) -> OpenedBlob | None:
    """What the registry sends: the part that was asked for or, as it may, everything."""
    if answer.pieces is None:
        return None
    claimed = answer.headers.get("Content-Range", "")
    if answer.status == 206 and not claimed.startswith(f"bytes {start}-"):
        answer.pieces.close()
        raise mismatch(what, f"the part {claimed[:60]!r} instead of that from {start} on")
    return OpenedBlob(start=start if answer.status == 206 else 0, pieces=answer.pieces)


def _missing(what: str) -> InvalidInput:
    return InvalidInput(
        "manifest_malformed", f"{what} is named by a manifest but does not exist", remedy="push it again"
    )


def _limit(what: str, why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", f"{what} {why}", remedy="publish a smaller item, or raise the limit")
