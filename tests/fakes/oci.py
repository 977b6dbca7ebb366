"""Small OCI documents for tests: images, referrers, legacy tags, layouts on disk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from assay.domain.deadline import Deadline
from assay.domain.descriptor import (
    DSSE_ENVELOPE,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    SIGSTORE_BUNDLE,
    SIMPLE_SIGNING,
    Content,
    Descriptor,
)
from assay.domain.digest import Digest
from assay.domain.evidence import EvidenceItem

CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "config": {"User": "65532"}, "rootfs": {"type": "layers", "diff_ids": []}}
).encode()
EMPTY = b"{}"


def refuse_nothing(_: EvidenceItem, __: Content) -> None:
    """For `collect`: every piece of evidence may prove something."""


class Shelf(Protocol):
    """Whatever documents can be put into: the fake registry, or a folder."""

    def put_blob(self, path: str, content: bytes) -> Descriptor: ...

    def put_manifest(self, path: str, content: bytes, media_type: str = ..., *, tag: str = "") -> Descriptor: ...


def soon(seconds: float = 10) -> Deadline:
    """A deadline on a clock that stands still."""
    return Deadline.after(seconds, clock=lambda: 0.0)


def rendered(media_type: str, content: bytes, **members: object) -> dict[str, object]:
    """A descriptor as JSON members."""
    return {"mediaType": media_type, "digest": Digest.of(content).text, "size": len(content), **members}


def image_document() -> dict[str, object]:
    """The members of an image manifest."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": rendered(OCI_CONFIG, CONFIG),
        "layers": [rendered(OCI_LAYER_GZIP, b"layer")],
    }


def image(**members: object) -> bytes:
    """An image manifest with some members replaced or added."""
    return json.dumps(image_document() | members).encode()


def index(*manifests: Mapping[str, object], **members: object) -> bytes:
    """An image index."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(manifests), **members}
    return json.dumps(document).encode()


def bundle_referrer(subject: bytes, bundle: bytes, **members: object) -> bytes:
    """The manifest that cosign 3 writes for a bundle."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": rendered(OCI_EMPTY, EMPTY, artifactType=SIGSTORE_BUNDLE),
        "layers": [rendered(SIGSTORE_BUNDLE, bundle)],
        "subject": rendered(OCI_MANIFEST, subject),
        "artifactType": SIGSTORE_BUNDLE,
    }
    return json.dumps(document | members).encode()


def legacy_manifest(layers: Sequence[tuple[bytes, Mapping[str, str]]], media_type: str = SIMPLE_SIGNING) -> bytes:
    """The manifest under a `.sig` or `.att` tag."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": rendered(OCI_CONFIG, CONFIG),
            "layers": [rendered(media_type, payload, annotations=dict(notes)) for payload, notes in layers],
        }
    ).encode()


def put_image(shelf: Shelf, path: str, *, tag: str = "v1") -> Content:
    """Put a small image under a tag."""
    shelf.put_blob(path, CONFIG)
    shelf.put_blob(path, b"layer")
    shelf.put_manifest(path, image(), OCI_MANIFEST, tag=tag)
    return Content(media_type=OCI_MANIFEST, octets=image(), digest=Digest.of(image()))


def put_bundle(shelf: Shelf, path: str, subject: bytes, bundle: bytes) -> Digest:
    """Put a bundle as a referrer; the digest is that of its manifest."""
    shelf.put_blob(path, EMPTY)
    shelf.put_blob(path, bundle)
    return shelf.put_manifest(path, bundle_referrer(subject, bundle)).digest


def put_signature(shelf: Shelf, path: str, subject: Digest, payload: bytes, notes: Mapping[str, str]) -> Digest:
    """Put a legacy signature under the `.sig` tag."""
    return put_legacy(shelf, path, f"sha256-{subject.hex}.sig", [(payload, notes)], SIMPLE_SIGNING)


def put_attestation(shelf: Shelf, path: str, subject: Digest, envelope: bytes) -> Digest:
    """Put a legacy attestation under the `.att` tag."""
    return put_legacy(shelf, path, f"sha256-{subject.hex}.att", [(envelope, {})], DSSE_ENVELOPE)


def put_legacy(
    shelf: Shelf, path: str, tag: str, layers: Sequence[tuple[bytes, Mapping[str, str]]], media_type: str
) -> Digest:
    """Put a manifest of evidence layers under a tag."""
    for payload, _ in layers:
        shelf.put_blob(path, payload)
    return shelf.put_manifest(path, legacy_manifest(layers, media_type), OCI_MANIFEST, tag=tag).digest


@dataclass(slots=True, kw_only=True)
class LayoutFolder:
    """An OCI layout that is written as it grows; the repository's name is not used."""

    folder: Path
    entries: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "blobs" / "sha256").mkdir(parents=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.write_index()

    def write_index(self) -> None:
        """Write `index.json` from `entries`."""
        (self.folder / "index.json").write_bytes(index(*self.entries))

    def blob_path(self, digest: Digest) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / "sha256" / digest.hex

    def put_blob(self, path: str, content: bytes) -> Descriptor:  # noqa: ARG002  # the signature of a shelf
        """Store a blob."""
        self.blob_path(Digest.of(content)).write_bytes(content)
        return Descriptor(media_type="application/octet-stream", digest=Digest.of(content), size=len(content))

    def put_manifest(self, path: str, content: bytes, media_type: str = OCI_MANIFEST, *, tag: str = "") -> Descriptor:
        """Store a manifest and name it in `index.json`."""
        self.put_blob(path, content)
        notes: dict[str, object] = {"annotations": {"org.opencontainers.image.ref.name": tag}} if tag else {}
        self.entries.append(rendered(media_type, content, **notes))
        self.write_index()
        return Descriptor(media_type=media_type, digest=Digest.of(content), size=len(content))
