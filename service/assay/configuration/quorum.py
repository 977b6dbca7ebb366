"""Quorums: authorities that must agree."""

from collections.abc import Collection

from assay.configuration.section import Section, refuse
from assay.domain.quorum import MOST_AUTHORITIES, Quorum


def read_quorums(root: Section, authorities: Collection[str]) -> tuple[tuple[str, Quorum], ...]:
    """Read the section `quorums`, whose authorities are configured ones; `ConfigError(configuration_invalid)`."""
    if not root.has("quorums"):
        return ()
    return tuple((name, _read(name, section, authorities)) for name, section in root.named_sections("quorums"))


def _read(name: str, section: Section, authorities: Collection[str]) -> Quorum:
    members = section.names("authorities")
    threshold = section.required_integer("threshold", lowest=1, highest=MOST_AUTHORITIES)
    required = section.names("required") if section.has("required") else ()
    section.finish()
    for member in members:
        if member not in authorities:
            raise refuse(section.place, f"{member!r} is no configured authority", "add it to authorities")
    if name in authorities:
        raise refuse(section.place, "an authority has this name too", "give the quorum a name of its own")
    try:
        return Quorum(authorities=members, threshold=threshold, required=required)
    except ValueError as error:
        raise refuse(section.place, str(error), "correct the quorum") from error
