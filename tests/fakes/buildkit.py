"""An index as BuildKit writes it: images of several platforms, and for each an attestation manifest with statements.

The form is that of buildx with provenance and SBOM switched on: the entry of an attestation manifest names no real
platform, is annotated with the digest of its image, and has one layer for each unsigned in-toto statement.

    index = FakeIndex.of("amd64", "arm64").attested()
    index.put(registry, "app", tag="v1")
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from assay.domain.descriptor import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, Content
from assay.domain.digest import Digest
from assay.domain.statement import PAYLOAD_TYPE, STATEMENT_V01
from tests.fakes.oci import Shelf, index, rendered
from tests.fakes.policy import PROVENANCE_TYPE, SPDX_TYPE, provenance_predicate, spdx_predicate

Json = dict[str, Any]
Edit = Callable[[Json], object]
UNKNOWN = {"os": "unknown", "architecture": "unknown"}


def _nothing(_: Json) -> None:
    """Change nothing."""


@dataclass(frozen=True, kw_only=True)
class FakeImage:
    """An image of one platform."""

    architecture: str
    config: bytes
    manifest: bytes

    @classmethod
    def of(cls, architecture: str, **members: object) -> Self:
        """A small image; `members` replace or add members of its manifest."""
        config = json.dumps({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
        document: Json = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": rendered(OCI_CONFIG, config.encode()),
            "layers": [rendered(OCI_LAYER_GZIP, b"layer")],
        }
        manifest = json.dumps(document | members).encode()
        return cls(architecture=architecture, config=config.encode(), manifest=manifest)

    @property
    def digest(self) -> Digest:
        return Digest.of(self.manifest)

    def entry(self, **members: object) -> Json:
        """Its entry in an index."""
        platform = {"os": "linux", "architecture": self.architecture}
        return rendered(OCI_MANIFEST, self.manifest, platform=platform) | members


@dataclass(frozen=True, kw_only=True)
class FakeAttestation:
    """The attestation manifest of one image: statements by predicate type, each of which a test can break."""

    image: Digest
    statements: Mapping[str, bytes]
    config: bytes
    manifest: bytes
    entry: Json

    @classmethod
    def of(
        cls,
        image: Digest,
        predicates: Mapping[str, Mapping[str, object]],
        *,
        statement: Edit = _nothing,
        layer: Edit = _nothing,
        manifest: Edit = _nothing,
        entry: Edit = _nothing,
    ) -> Self:
        """Attest these predicates; `statement`, `layer`, `manifest`, `entry` change what their names say."""
        layers: list[Json] = []
        statements: dict[str, bytes] = {}
        for predicate_type, predicate in predicates.items():
            document: Json = {
                "_type": STATEMENT_V01,
                "predicateType": predicate_type,
                "subject": [{"name": "pkg:docker/app@v1?platform=linux", "digest": {"sha256": image.hex}}],
                "predicate": dict(predicate),
            }
            statement(document)
            statements[predicate_type] = json.dumps(document).encode()
            described = rendered(PAYLOAD_TYPE, statements[predicate_type])
            described["annotations"] = {"in-toto.io/predicate-type": predicate_type}
            layer(described)
            layers.append(described)
        config = json.dumps({**UNKNOWN, "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        members: Json = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": rendered(OCI_CONFIG, config),
            "layers": layers,
        }
        manifest(members)
        octets = json.dumps(members).encode()
        notes = {"vnd.docker.reference.digest": image.text, "vnd.docker.reference.type": "attestation-manifest"}
        listed = rendered(OCI_MANIFEST, octets, platform=dict(UNKNOWN), annotations=notes)
        entry(listed)
        return cls(image=image, statements=statements, config=config, manifest=octets, entry=listed)


@dataclass(frozen=True, kw_only=True)
class FakeIndex:
    """An index and everything that it lists; `more` are further entries as they are written."""

    images: tuple[FakeImage, ...]
    attestations: tuple[FakeAttestation, ...] = ()
    more: tuple[Json, ...] = ()

    @classmethod
    def of(cls, *architectures: str) -> Self:
        """An index of one image for each architecture."""
        return cls(images=tuple(FakeImage.of(architecture) for architecture in architectures))

    def attested(self, **broken: Edit) -> "FakeIndex":
        """The index with provenance and an SBOM for each image; arguments as for `FakeAttestation.of`."""
        predicates = {PROVENANCE_TYPE: provenance_predicate(), SPDX_TYPE: spdx_predicate("MIT")}
        attestations = tuple(FakeAttestation.of(image.digest, predicates, **broken) for image in self.images)
        return replace(self, attestations=attestations)

    @property
    def octets(self) -> bytes:
        return index(*(image.entry() for image in self.images), *(item.entry for item in self.attestations), *self.more)

    @property
    def digest(self) -> Digest:
        return Digest.of(self.octets)

    @property
    def content(self) -> Content:
        return Content(media_type=OCI_INDEX, octets=self.octets, digest=self.digest)

    def put(self, shelf: Shelf, path: str, *, tag: str = "v1") -> Digest:
        """Put the index and all it lists, without `more`."""
        shelf.put_blob(path, b"layer")
        for image in self.images:
            shelf.put_blob(path, image.config)
            shelf.put_manifest(path, image.manifest)
        for attestation in self.attestations:
            for blob in (*attestation.statements.values(), attestation.config):
                shelf.put_blob(path, blob)
            shelf.put_manifest(path, attestation.manifest)
        return shelf.put_manifest(path, self.octets, OCI_INDEX, tag=tag).digest
