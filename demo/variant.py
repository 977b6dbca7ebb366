"""Images that differ from the published one in a label, with whatever evidence a scene needs."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from assay.adapters.registry.client import RegistryClient
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest
from assay.domain.gate import FromRegistry, GateAnswer, GateQuestion
from assay.domain.reference import Reference, Repository
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.referrer import EMPTY_BLOB, render_referrer
from assay.ports import Clock, ServiceClient, Signer
from assay.usecases.sign import attest, sign_image

PROVENANCE = "https://slsa.dev/provenance/v1"
SPDX = "https://spdx.dev/Document"
CYCLONEDX = "https://cyclonedx.org/bom"
_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """The registry, the service and the release key, as a tamperer or a release engineer would use them."""

    registry: RegistryClient
    service: ServiceClient
    clock: Clock
    repository: Repository
    environment: str
    base: Digest

    def deadline(self) -> Deadline:
        """Time for one call."""
        return Deadline.after(_SECONDS, self.clock.monotonic)

    def documents(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Manifest and config of the published image."""
        reference = Reference(repository=self.repository, digest=self.base)
        manifest: dict[str, Any] = json.loads(self.registry.resolve(reference, self.deadline()).octets)
        config = manifest["config"]
        descriptor = Descriptor(media_type=config["mediaType"], digest=Digest(config["digest"]), size=config["size"])
        octets = self.registry.fetch_blob(self.repository, descriptor, self.deadline())
        return manifest, json.loads(octets)

    def push_variant(self, name: str) -> Descriptor:
        """Push the published image with one more label: another digest, no evidence."""
        manifest, config = self.documents()
        config["config"].setdefault("Labels", {})["demo.scene"] = name
        blob = json.dumps(config, sort_keys=True, separators=(",", ":")).encode()
        pushed = self.registry.push_blob(self.repository, blob, self.deadline())
        manifest["config"] = {**manifest["config"], "digest": pushed.digest.text, "size": pushed.size}
        octets = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
        return self.registry.push_manifest(self.repository, octets, OCI_MANIFEST, self.deadline())

    def attach(self, subject: Descriptor, bundle: bytes, predicate_type: str) -> Digest:
        """Attach a bundle to an image as a referrer, whatever the bundle says."""
        for blob in (EMPTY_BLOB, bundle):
            self.registry.push_blob(self.repository, blob, self.deadline())
        referrer = render_referrer(
            subject=subject, bundle=bundle, predicate_type=predicate_type, created=datetime.now(UTC)
        )
        return self.registry.push_manifest(self.repository, referrer, OCI_MANIFEST, self.deadline()).digest

    def detach(self, referrer: Digest) -> None:
        """Delete a referrer through the registry's API."""
        url = f"http://{self.repository.registry}/v2/{self.repository.path}/manifests/{referrer}"
        requests.delete(url, timeout=10).raise_for_status()

    def bundles(self, digest: Digest) -> dict[str, tuple[Digest, bytes]]:
        """The bundles attached to an image: predicate type to referrer and bytes."""
        found = {}
        for descriptor in self.registry.list_referrers(self.repository, digest, self.deadline()):
            content = self.registry.find_manifest(self.repository, descriptor.digest.text, self.deadline())
            if content is None:
                continue
            manifest = json.loads(content.octets)
            layer = manifest["layers"][0]
            blob = Descriptor(media_type=layer["mediaType"], digest=Digest(layer["digest"]), size=layer["size"])
            octets = self.registry.fetch_blob(self.repository, blob, self.deadline())
            kind = manifest["annotations"]["dev.sigstore.bundle.predicateType"]
            found[kind] = (descriptor.digest, octets)
        return found

    def predicate(self, predicate_type: str) -> Mapping[str, object]:
        """What the published image's attestation of this type says."""
        _, bundle = self.bundles(self.base)[predicate_type]
        payload = base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"])
        predicate: Mapping[str, object] = json.loads(payload)["predicate"]
        return predicate

    def attest(
        self, signer: Signer, subject: Descriptor, predicate_type: str, predicate: Mapping[str, object]
    ) -> Digest:
        """Sign a statement about an image and attach it."""
        bundle = attest(
            signer,
            name=self.repository.name,
            digest=subject.digest,
            predicate_type=predicate_type,
            predicate=predicate,
        )
        return self.attach(subject, bundle, predicate_type)

    def attest_all(self, signer: Signer, subject: Descriptor, *, but: str = "") -> None:
        """Provenance and SBOM for an image, as for the published one, but for one type."""
        for predicate_type in (PROVENANCE, SPDX):
            if predicate_type != but:
                self.attest(signer, subject, predicate_type, self.predicate(predicate_type))

    def sign(self, signer: Signer, subject: Descriptor) -> Digest:
        """Sign an image and attach the signature."""
        return self.attach(subject, sign_image(signer, subject.digest), IMAGE_SIGNATURE)

    def gate(self, digest: Digest) -> GateAnswer:
        """Ask the gate about an image in the registry."""
        artefact = Artefact(repository=self.repository, digest=digest)
        question = GateQuestion(artefact=artefact, environment=self.environment, evidence=FromRegistry())
        return self.service.ask(question, self.deadline())
