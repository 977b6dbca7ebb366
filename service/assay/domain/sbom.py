"""Software bills of materials, whatever format said it."""

from dataclasses import dataclass
from enum import StrEnum

NOASSERTION = "NOASSERTION"


class SbomFormat(StrEnum):
    """Formats an SBOM may come in."""

    SPDX = "spdx"
    CYCLONEDX = "cyclonedx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package as its SBOM describes it; missing text is empty, a missing licence is `NOASSERTION`.

    `declared` and `concluded` are expressions as written; `raw` is licence text that is no expression by its place in
    the format (names, findings in files). Nothing here is judged.
    """

    id: str
    name: str
    version: str = ""
    purl: str = ""
    raw: tuple[str, ...] = ()
    declared: str = NOASSERTION
    concluded: str = NOASSERTION

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a package needs an id")

    @property
    def effective(self) -> str:
        """The expression that counts: the one that is asserted, or both together, so that the stricter one decides."""
        asserted = [text for text in (self.concluded, self.declared) if text not in {"", NOASSERTION}]
        if not asserted:
            return NOASSERTION
        return asserted[0] if len(set(asserted)) == 1 else f"({asserted[0]}) AND ({asserted[1]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sbom:
    """An SBOM: format, version of the format, creation time as written, packages in document order.

    The image itself is not among the packages. `relationships` counts the edges between them. An empty list of
    packages is possible and proves nothing.
    """

    format: SbomFormat
    version: str
    created: str
    packages: tuple[Package, ...]
    relationships: int
