"""What is judged: an artefact named by repository and digest."""

from dataclasses import dataclass
from enum import StrEnum

from assay.domain.digest import Digest
from assay.domain.reference import Reference, Repository


class ArtefactType(StrEnum):
    """Kinds of artefacts a gate call may name; the image is the first one."""

    IMAGE = "image"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Artefact:
    """An artefact: type, canonical repository and digest; the tag is for display only and binds nothing."""

    type: ArtefactType = ArtefactType.IMAGE
    repository: Repository
    digest: Digest
    tag: str = ""

    @property
    def reference(self) -> Reference:
        """The pinned reference."""
        return Reference(repository=self.repository, tag=self.tag, digest=self.digest)
