"""Resolve: a reference to a digest, once."""

from dataclasses import dataclass

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content
from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference
from assay.ports import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """An artefact named by its digest, and the manifest that has this digest."""

    artefact: Artefact
    manifest: Content

    def __post_init__(self) -> None:
        if self.manifest.digest != self.artefact.digest:
            raise ValueError(f"the manifest does not have the digest of {self.artefact.reference}")


def resolve(registry: Registry, reference: Reference, deadline: Deadline) -> Resolved:
    """Resolve a reference to an artefact; a tag is looked up this one time and binds nothing afterwards.

    Raises what the registry raises: `InvalidInput(manifest_unknown | digest_mismatch | manifest_malformed | …)` and
    `Unavailable`.
    """
    manifest = registry.resolve(reference, deadline)
    if reference.digest not in {None, manifest.digest}:
        raise InvalidInput(
            "digest_mismatch",
            f"{reference} was answered with {manifest.digest}",
            remedy="do not use this image; ask the registry's operator why its content changed",
        )
    artefact = Artefact(repository=reference.repository, digest=manifest.digest, tag=reference.tag)
    return Resolved(artefact=artefact, manifest=manifest)
