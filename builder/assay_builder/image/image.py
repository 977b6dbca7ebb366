"""An image: configuration, manifest and layer with their digests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.domain.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Content, Descriptor
from assay.domain.digest import Digest
from assay_builder.image.layer import Layer
from assay_builder.plan.spec import ImageSpec

ARCHITECTURE = "amd64"
SYSTEM = "linux"
_PATH = "/usr/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A finished image for linux/amd64 with one layer."""

    manifest: Content
    config: Content
    layer: Content

    @property
    def digest(self) -> Digest:
        """The manifest's digest: the image's identity."""
        return self.manifest.digest


def render_canonical(document: object) -> bytes:
    """JSON with sorted keys and without blanks."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def render_time(epoch: int) -> str:
    """RFC 3339 in UTC, from seconds since 1970."""
    return datetime.fromtimestamp(epoch, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_image(spec: ImageSpec, layer: Layer, *, labels: Mapping[str, str], epoch: int) -> Image:
    """Put an image together; `labels` are both the configuration's labels and the manifest's annotations.

    Source: OCI image specification 1.1, "image configuration" and "image manifest".
    """
    config = _content(OCI_CONFIG, render_canonical(_config(spec, layer, labels, epoch)))
    blob = _content(OCI_LAYER_GZIP, layer.content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": render_descriptor(config.descriptor),
        "layers": [render_descriptor(blob.descriptor)],
        "annotations": dict(labels),
    }
    return Image(manifest=_content(OCI_MANIFEST, render_canonical(manifest)), config=config, layer=blob)


def render_descriptor(descriptor: Descriptor) -> dict[str, object]:
    """The JSON form of a descriptor."""
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def _content(media_type: str, octets: bytes) -> Content:
    return Content(media_type=media_type, octets=octets, digest=Digest.of(octets))


def _config(spec: ImageSpec, layer: Layer, labels: Mapping[str, str], epoch: int) -> dict[str, object]:
    environment = {"PATH": _PATH, **dict(spec.environment)}
    execution: dict[str, object] = {
        "User": str(spec.user),
        "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
        "Entrypoint": list(spec.entrypoint),
        "WorkingDir": "/",
        "Labels": dict(labels),
    }
    if spec.command:
        execution["Cmd"] = list(spec.command)
    created = render_time(epoch)
    return {
        "created": created,
        "architecture": ARCHITECTURE,
        "os": SYSTEM,
        "config": execution,
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id)]},
        "history": [{"created": created, "created_by": "assay build"}],
    }
