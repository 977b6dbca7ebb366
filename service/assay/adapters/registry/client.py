"""The registry client (OCI distribution specification 1.1): anonymous reads and writes, every byte checked."""

from collections.abc import Sequence

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.fallback import add_to_fallback, fallback_tag
from assay.adapters.registry.referrer_pages import list_pages
from assay.adapters.registry.transport import Answer, Exchange, Transport, resolve_location, same_host
from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import MANIFEST_TYPES, ImageIndex, parse_index, parse_manifest

_ACCEPTED = {"Accept": ", ".join(MANIFEST_TYPES)}
_FOUND_OR_NOT = frozenset({200, 404})


class RegistryClient:
    """Reads and writes registries over HTTP; implements the ports `Registry` and `RegistryWriter`.

    Guaranteed: no credential is ever sent; bytes are handed out only when they have the digest that was asked for, or
    the digest the registry claims for a tag; caps and the caller's deadline hold for every exchange; a 404 is absence
    and nothing else is. One instance may be shared by threads, and made before a fork. `close` is optional.
    """

    def __init__(self, *, access: RegistryAccess, limits: Limits) -> None:
        self._access = access
        self._limits = limits
        self._transport = Transport(access)

    def close(self) -> None:
        """Close the pooled connections of this process."""
        self._transport.close()

    def resolve(self, reference: Reference, deadline: Deadline) -> Content:
        """The manifest behind a reference; its digest wins over its tag."""
        target = reference.digest.text if reference.digest else reference.tag
        content = self.find_manifest(reference.repository, target, deadline)
        if content is None:
            raise InvalidInput(
                "manifest_unknown",
                f"{reference} does not exist in its registry",
                remedy="check the name, the tag and the digest",
            )
        return content

    def find_manifest(self, repository: Repository, tag_or_digest: str, deadline: Deadline) -> Content | None:
        """The manifest, checked to be one, or None when there is none."""
        answer = self._get(repository, f"manifests/{tag_or_digest}", self._limits.manifest_octets, deadline)
        if answer.status == 404:
            return None
        what = f"{repository}, manifest {tag_or_digest}"
        content = self._checked(answer, what)
        if tag_or_digest.startswith("sha256:") and content.digest.text != tag_or_digest:
            raise _mismatch(what, content.digest.text)
        parse_manifest(content.octets, content.media_type, what=what, limits=self._limits)
        return content

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:
        """A blob with exactly the size and digest of its descriptor."""
        what = f"{repository}, blob {descriptor.digest}"
        if descriptor.size > self._limits.blob_octets:
            raise _limit(what, f"has {descriptor.size} bytes, more than {self._limits.blob_octets}")
        url = f"blobs/{descriptor.digest}"
        answer = self._get(repository, url, descriptor.size, deadline, leaves_host=True)
        if answer.status == 404:
            raise InvalidInput(
                "manifest_malformed", f"{what} is named by a manifest but does not exist", remedy="push it again"
            )
        if len(answer.octets) != descriptor.size:
            raise _mismatch(what, f"{len(answer.octets)} bytes or more instead of {descriptor.size}")
        received = Digest.of(answer.octets)
        if received != descriptor.digest:
            raise _mismatch(what, received.text)
        return answer.octets

    def list_referrers(self, repository: Repository, digest: Digest, deadline: Deadline) -> Sequence[Descriptor]:
        """Every referrer: from the referrers API, or from the fallback tag where the API answers 404."""

        def fetch_page(url: str) -> Answer:
            return self._send_get(url, self._limits.manifest_octets, deadline)

        first = self._url(repository, f"referrers/{digest}")
        listed = list_pages(fetch_page, first, what=f"{repository}, referrers of {digest}", limits=self._limits)
        if listed is not None:
            return listed
        index = self._read_fallback(repository, digest, deadline)
        return index.manifests if index else ()

    def push_blob(self, repository: Repository, content: bytes, deadline: Deadline) -> Descriptor:
        """Upload a blob in one piece unless the registry says that it has it.

        The registry's word is taken here: whoever reads the blob checks it.
        """
        digest = Digest.of(content)
        descriptor = Descriptor(media_type="application/octet-stream", digest=digest, size=len(content))
        known = Exchange(
            method="HEAD",
            url=self._url(repository, f"blobs/{digest}"),
            expected=_FOUND_OR_NOT,
            cap=0,
            leaves_host=True,
        )
        if self._transport.send(known, deadline).status == 200:
            return descriptor
        start = self._url(repository, "blobs/uploads/")
        begun = self._transport.send(
            Exchange(method="POST", url=start, expected=frozenset({202}), cap=self._limits.manifest_octets), deadline
        )
        location = resolve_location(start, begun.headers.get("Location", ""))
        if location is None or not same_host(start, location):
            raise Unavailable(
                "registry_unavailable",
                f"{repository} names no usable place on its own host to upload to",
                remedy="repeat the call when the registry is well",
            )
        self._put(f"{location}{'&' if '?' in location else '?'}digest={digest}", content, "", deadline)
        return descriptor

    def push_manifest(
        self, repository: Repository, manifest: bytes, media_type: str, deadline: Deadline, *, tag: str = ""
    ) -> Descriptor:
        """Upload a manifest by digest, or under a tag.

        When the registry does not say (`OCI-Subject`) that it took note of the manifest's subject, the subject's
        fallback tag is brought up to date. Raises `InvalidInput(manifest_malformed)` for what is no manifest.
        """
        digest = Digest.of(manifest)
        what = f"{repository}, manifest {digest}"
        parsed = parse_manifest(manifest, media_type, what=what, limits=self._limits)
        answer = self._put(self._url(repository, f"manifests/{tag or digest}"), manifest, media_type, deadline)
        claim = answer.headers.get("Docker-Content-Digest", digest.text)
        if claim != digest.text:
            raise _mismatch(what, f"{claim[:100]!r}, says the registry")
        kind = parsed.artifact_type if isinstance(parsed, ImageIndex) else parsed.effective_artifact_type
        pushed = Descriptor(
            media_type=media_type,
            digest=digest,
            size=len(manifest),
            artifact_type=kind,
            annotations=parsed.annotations,
        )
        if parsed.subject is not None and not answer.headers.get("OCI-Subject"):
            self._note_referrer(repository, parsed.subject.digest, pushed, deadline)
        return pushed

    def _note_referrer(self, repository: Repository, subject: Digest, referrer: Descriptor, deadline: Deadline) -> None:
        def read() -> ImageIndex | None:
            return self._read_fallback(repository, subject, deadline)

        def write(index: bytes, media_type: str) -> None:
            self._put(self._url(repository, f"manifests/{fallback_tag(subject)}"), index, media_type, deadline)

        add_to_fallback(referrer, read=read, write=write, what=f"{repository}:{fallback_tag(subject)}")

    def _read_fallback(self, repository: Repository, digest: Digest, deadline: Deadline) -> ImageIndex | None:
        content = self.find_manifest(repository, fallback_tag(digest), deadline)
        if content is None:
            return None
        what = f"{repository}:{fallback_tag(digest)}"
        return parse_index(content.octets, content.media_type, what=what, limits=self._limits)

    def _url(self, repository: Repository, rest: str) -> str:
        return f"{self._access.base_url(repository.registry)}/v2/{repository.path}/{rest}"

    def _get(
        self, repository: Repository, rest: str, cap: int, deadline: Deadline, *, leaves_host: bool = False
    ) -> Answer:
        return self._send_get(self._url(repository, rest), cap, deadline, leaves_host=leaves_host)

    def _send_get(self, url: str, cap: int, deadline: Deadline, *, leaves_host: bool = False) -> Answer:
        headers = {"Accept": "*/*"} if leaves_host else _ACCEPTED
        exchange = Exchange(
            method="GET", url=url, expected=_FOUND_OR_NOT, cap=cap, headers=headers, leaves_host=leaves_host
        )
        return self._transport.send(exchange, deadline)

    def _put(self, url: str, body: bytes, media_type: str, deadline: Deadline) -> Answer:
        exchange = Exchange(
            method="PUT",
            url=url,
            expected=frozenset({201}),
            cap=self._limits.manifest_octets,
            headers={"Content-Type": media_type or "application/octet-stream"},
            body=body,
        )
        return self._transport.send(exchange, deadline)

    def _checked(self, answer: Answer, what: str) -> Content:
        if len(answer.octets) > self._limits.manifest_octets:
            raise _limit(what, f"has more than {self._limits.manifest_octets} bytes")
        digest = Digest.of(answer.octets)
        claim = answer.headers.get("Docker-Content-Digest", digest.text)
        if claim != digest.text:
            raise _mismatch(what, f"{digest}, although the registry claims {claim[:100]!r}")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Content(media_type=media_type, octets=answer.octets, digest=digest)


def _mismatch(what: str, received: str) -> InvalidInput:
    return InvalidInput(
        "digest_mismatch",
        f"{what}: the registry served other bytes than were asked for ({received})",
        remedy="do not use this image; ask the registry's operator why its content changed",
    )


def _limit(what: str, why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", f"{what} {why}", remedy="publish a smaller item, or raise the limit")
