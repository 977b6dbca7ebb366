"""Stage 6, publish: blobs, manifest, signature and attestations; the tag last."""

from dataclasses import dataclass

from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference
from assay.ports import RegistryWriter
from assay_builder.parts import Progress
from assay_builder.stages.gate import Gated


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published image under its tags."""

    gated: Gated
    references: tuple[Reference, ...]


def run(
    gated: Gated, *, registry: RegistryWriter, tags: tuple[str, ...], deadline: Deadline, progress: Progress
) -> Published:
    """Push an allowed image; the repository is the one the gate allowed.

    Guaranteed: a tag appears only after everything it needs is there. Raises what the registry raises, and
    `InvalidInput(gate_denied)` without an allow.
    """
    if not gated.allowed:
        raise InvalidInput(
            "gate_denied",
            f"the gate did not allow {gated.answer.artefact.digest}",
            remedy="look at the findings of its decision",
        )
    repository = gated.answer.artefact.repository
    attested = gated.attested
    image = attested.isolated.image
    for content in (image.layer, image.config):
        registry.push_blob(repository, content, deadline)
    registry.push_manifest(repository, image.manifest.octets, image.manifest.media_type, deadline)
    for bundle in attested.bundles:
        for blob in bundle.blobs:
            registry.push_blob(repository, blob, deadline)
        registry.push_manifest(repository, bundle.referrer, OCI_MANIFEST, deadline)
    for tag in tags:
        registry.push_manifest(repository, image.manifest.octets, image.manifest.media_type, deadline, tag=tag)
    references = tuple(Reference(repository=repository, tag=tag, digest=image.digest) for tag in tags)
    progress("publish", f"{', '.join(str(item) for item in references)} with {len(attested.bundles)} referrers")
    return Published(gated=gated, references=references)
