"""The registry client (OCI distribution specification 1.1): reads and writes, every byte checked."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.authorization import AuthorizedTransport, CredentialSource
from assay.adapters.registry.blob_source import HeldBlob, StreamedBlob
from assay.adapters.registry.content_cache import ContentCache
from assay.adapters.registry.credential_source import NO_CREDENTIALS
from assay.adapters.registry.reading import RegistryReader
from assay.adapters.registry.transport import Transport
from assay.adapters.registry.writing import RegistryWriter
from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.ports import Amend


class RegistryClient:
    """Reads and writes registries over HTTP; implements the ports `Registry` and `RegistryWriter`.

    Guaranteed: a credential is sent to the registry it belongs to and to that registry's token service only; bytes are
    handed out only when they have the digest that was asked for, or the digest the registry claims for a tag; caps and
    the caller's deadline hold for every exchange; a 404 is absence and nothing else is. What was read by digest is
    remembered up to `remembered_octets`; blobs above `piece_octets` are uploaded in pieces of that size. `pause` waits
    some seconds; `count` is told of every request (`sent`), every repetition (`repeated`, `delayed`), every token asked
    for (`token`) and everything that was `remembered`. One instance may be shared by threads, and made before a fork.
    `close` is optional.
    """

    def __init__(
        self,
        *,
        access: RegistryAccess,
        limits: Limits,
        credentials: CredentialSource = NO_CREDENTIALS,
        remembered_octets: int = 0,
        piece_octets: int = 16 * 1024 * 1024,
        pause: Callable[[float], None] = time.sleep,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._transport = Transport(access, pause=pause, count=count)
        authorized = AuthorizedTransport(send=self._transport.send, access=access, credentials=credentials, count=count)
        cache = ContentCache(remembered_octets)
        self._reader = RegistryReader(transport=authorized, access=access, limits=limits, cache=cache, count=count)
        self._writer = RegistryWriter(
            transport=authorized,
            access=access,
            limits=limits,
            reader=self._reader,
            pause=pause,
            piece_octets=piece_octets,
        )

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
        return self._reader.find_manifest(repository, tag_or_digest, deadline)

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:
        """A blob with exactly the size and digest of its descriptor."""
        return self._reader.fetch_blob(repository, descriptor, deadline)

    def list_referrers(
        self, repository: Repository, digest: Digest, deadline: Deadline, *, artifact_type: str = ""
    ) -> Sequence[Descriptor]:
        """Every referrer, or those of one artifact type."""
        return self._reader.list_referrers(repository, digest, deadline, artifact_type=artifact_type)

    def list_tags(self, repository: Repository, deadline: Deadline) -> Sequence[str]:
        """Every tag of a repository, sorted; none when there is no such repository."""
        return self._reader.list_tags(repository, deadline)

    def push_blob(
        self,
        repository: Repository,
        content: bytes | Content,
        deadline: Deadline,
        *,
        mounted_from: Repository | None = None,
    ) -> Descriptor:
        """Upload a blob unless the registry says that it has it, with this digest and size.

        With `mounted_from`, a repository of the same registry, the registry is asked to take it from there first. Large
        blobs go in chunks; an interrupted upload goes on where the registry says it stands. The digest of a `Content`
        is not computed again.
        """
        if isinstance(content, Content):
            source = HeldBlob(content=content.octets, digest=content.digest)
        else:
            source = HeldBlob(content=content, digest=Digest.of(content))
        return self._writer.push_blob(repository, source, deadline, mounted_from=mounted_from)

    def copy_blob(
        self, origin: Repository, descriptor: Descriptor, destination: Repository, deadline: Deadline
    ) -> None:
        """Copy a blob from one repository to another, mounted where one registry has both.

        Guaranteed: it is never held whole in memory, and only bytes with the size and digest of the descriptor make a
        blob at the destination. An interruption on either side goes on where it left off. Raises as `fetch_blob` and
        `push_blob`.
        """
        source = StreamedBlob(
            descriptor,
            lambda start: self._reader.open_blob(origin, descriptor, deadline, start=start),
            what=f"{origin}, blob {descriptor.digest}",
        )
        with closing(source):
            self._writer.push_blob(destination, source, deadline, mounted_from=origin)

    def push_manifest(
        self, repository: Repository, manifest: bytes, media_type: str, deadline: Deadline, *, tag: str = ""
    ) -> Descriptor:
        """Upload a manifest by digest, or under a tag.

        When the registry does not say (`OCI-Subject`) that it took note of the manifest's subject, the subject's
        fallback tag is brought up to date. Raises `InvalidInput(manifest_malformed)` for what is no manifest.
        """
        return self._writer.push_manifest(repository, manifest, media_type, deadline, tag=tag)

    def amend_tag(self, repository: Repository, tag: str, amend: Amend, deadline: Deadline) -> Content:
        """Change what is under a tag without undoing what others write there; what the tag holds then.

        Where the registry does not heed `If-Match`, this waits two seconds after a change and looks again.
        """
        return self._writer.amend_tag(repository, tag, amend, deadline)
