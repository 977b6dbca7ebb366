"""The documents of a registry: images, indexes, and what attaches evidence to them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY_BLOB = b"{}"
LAYER_BLOB = b"a layer that nobody unpacks"


def digest_of(octets: bytes) -> str:
    """`sha256:…` of these bytes."""
    return f"sha256:{hashlib.sha256(octets).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A manifest or index with its type, and the blobs that go with it."""

    octets: bytes = field(repr=False)
    media_type: str = MANIFEST
    blobs: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def digest(self) -> str:
        """Its digest."""
        return digest_of(self.octets)

    def descriptor(self, **members: object) -> dict[str, object]:
        """Its descriptor; `members` replace or add members."""
        return {**describe(self.media_type, self.octets), **members}


def describe(media_type: str, octets: bytes, **members: object) -> dict[str, object]:
    """The descriptor of these bytes; `members` replace or add members."""
    return {"mediaType": media_type, "digest": digest_of(octets), "size": len(octets), **members}


def image(label: str, *, architecture: str = "amd64", **members: object) -> Stored:
    """A small image whose digest is its label's own; `members` replace or add members of its manifest."""
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"User": "65532", "Labels": {"misuse": label}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(LAYER_BLOB)]},
    }
    blob = json.dumps(config).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": describe(CONFIG, blob),
        "layers": [describe(LAYER, LAYER_BLOB)],
        **members,
    }
    return Stored(octets=json.dumps(document).encode(), blobs=(blob, LAYER_BLOB))


def index(*listed: Stored, architectures: Sequence[str] = ("amd64", "arm64")) -> Stored:
    """An index of these images (or of an index), each for one platform."""
    entries = [
        item.descriptor(platform={"os": "linux", "architecture": architecture})
        for item, architecture in zip(listed, architectures, strict=False)
    ]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return Stored(octets=json.dumps(document).encode(), media_type=INDEX)


def referrer(subject: Stored, bundle: bytes, **members: object) -> Stored:
    """The manifest that attaches a Sigstore bundle; `members` replace or add members of it."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": BUNDLE,
        "config": describe(EMPTY, EMPTY_BLOB),
        "layers": [describe(BUNDLE, bundle)],
        "subject": subject.descriptor(),
        **members,
    }
    return Stored(octets=json.dumps(document).encode(), blobs=(EMPTY_BLOB, bundle))


def legacy(media_type: str, layers: Sequence[tuple[bytes, Mapping[str, str]]]) -> Stored:
    """The manifest under a `.sig` or `.att` tag: payloads with their annotations."""
    config = json.dumps({"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": describe(CONFIG, config),
        "layers": [describe(media_type, payload, annotations=dict(notes)) for payload, notes in layers],
    }
    return Stored(octets=json.dumps(document).encode(), blobs=(config, *(payload for payload, _ in layers)))
