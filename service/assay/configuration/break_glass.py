"""Break-glass: who may grant, for how long and how often, and where the grants are."""

from collections.abc import Collection
from datetime import timedelta

from assay.configuration.section import Section, refuse
from assay.configuration.settings import BreakGlassSettings
from assay.domain.break_glass import GrantRules
from assay.domain.quorum import MOST_AUTHORITIES, Quorum


def read_break_glass(section: Section | None, authorities: Collection[str]) -> BreakGlassSettings | None:
    """Read the section `break_glass`, whose authorities are configured ones; `ConfigError(configuration_invalid)`."""
    if section is None:
        return None
    members = section.names("authorities")
    threshold = section.integer("threshold", 1, lowest=1, highest=MOST_AUTHORITIES)
    hours = section.integer("most_hours", 24, lowest=1, highest=24 * 7)
    uses = section.integer("most_uses", 20, lowest=1, highest=10_000)
    folder = section.text("grants")
    section.finish()
    for member in members:
        if member not in authorities:
            raise refuse(section.place, f"{member!r} is no configured authority", "add it to authorities")
    try:
        quorum = Quorum(authorities=members, threshold=threshold)
    except ValueError as error:
        raise refuse(section.place, str(error), "correct the authorities or the threshold") from error
    rules = GrantRules(quorum=quorum, longest=timedelta(hours=hours), most_uses=uses)
    return BreakGlassSettings(grants=folder, rules=rules)
