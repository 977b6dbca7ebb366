"""Descriptors and the media types Assay knows (OCI image specification 1.1)."""

from dataclasses import dataclass, field

from assay.domain.digest import Digest
from assay.domain.platform import Platform

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
SIGSTORE_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
SPDX_DOCUMENT = "application/spdx+json"
CYCLONEDX_DOCUMENT = "application/vnd.cyclonedx+json"
DSSE_ENVELOPE = "application/vnd.dsse.envelope.v1+json"

IMAGE_MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What the OCI image specification calls a descriptor: type, digest and size of some content.

    `platform` is what an index says an image runs on, None when it says nothing.
    """

    media_type: str
    digest: Digest
    size: int
    artifact_type: str = ""
    platform: Platform | None = None
    annotations: tuple[tuple[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"descriptor of {self.digest} has a negative size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes whose digest was computed over exactly these bytes, with the media type they were served under."""

    media_type: str
    octets: bytes
    digest: Digest

    def __post_init__(self) -> None:
        if Digest.of(self.octets) != self.digest:
            raise ValueError(f"content does not have the digest {self.digest}")

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of this content."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=len(self.octets))
