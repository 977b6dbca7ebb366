"""A registry in memory, for properties that ask it thousands of times; what it is told to lose, it fails to answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_MANIFEST, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.reference import Reference, Repository


@dataclass
class MemoryRegistry:
    """One repository; implements the port `Registry` and can be put into like a shelf.

    `failing` are digests of manifests, blobs and subjects that cannot be asked for.
    """

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    manifests: dict[Digest, Content] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)
    failing: set[Digest] = field(default_factory=set)

    def put_blob(self, path: str, content: bytes) -> Descriptor:  # noqa: ARG002  # the signature of a shelf
        digest = Digest.of(content)
        self.blobs[digest] = content
        return Descriptor(media_type="application/octet-stream", digest=digest, size=len(content))

    def put_manifest(self, path: str, content: bytes, media_type: str = OCI_MANIFEST, *, tag: str = "") -> Descriptor:  # noqa: ARG002  # the signature of a shelf
        kept = Content(media_type=media_type, octets=content, digest=Digest.of(content))
        self.manifests[kept.digest] = kept
        if tag:
            self.tags[tag] = kept.digest
        return kept.descriptor

    def resolve(self, reference: Reference, deadline: Deadline) -> Content:
        target = reference.digest.text if reference.digest else reference.tag
        content = self.find_manifest(reference.repository, target, deadline)
        if content is None:
            raise InvalidInput("manifest_unknown", f"there is no {reference}", remedy="push it")
        return content

    def find_manifest(self, repository: Repository, tag_or_digest: str, deadline: Deadline) -> Content | None:
        deadline.remaining(str(repository))
        digest = Digest(tag_or_digest) if tag_or_digest.startswith("sha256:") else self.tags.get(tag_or_digest)
        return self.manifests.get(self._answered(digest)) if digest else None

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:
        deadline.remaining(str(repository))
        return self.blobs[self._answered(descriptor.digest)]

    def list_referrers(self, repository: Repository, digest: Digest, deadline: Deadline) -> Sequence[Descriptor]:
        deadline.remaining(str(repository))
        self._answered(digest)
        return [item.descriptor for item in self.manifests.values() if _subject(item) == digest.text]

    def _answered(self, digest: Digest) -> Digest:
        if digest in self.failing:
            raise Unavailable("registry_unavailable", f"{digest} cannot be asked for", remedy="repeat")
        return digest


def _subject(content: Content) -> str:
    subject = json.loads(content.octets).get("subject")
    return str(subject["digest"]) if subject else ""
