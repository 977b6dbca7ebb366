"""Break-glass: who may grant, for how long and how often, and where the grants are."""

from collections.abc import Collection
from datetime import timedelta

from assay.configuration.section import Section, refuse
from assay.configuration.settings import BreakGlassSettings, WebhookSettings
from assay.domain.break_glass import GrantRules
from assay.domain.quorum import MOST_AUTHORITIES, Quorum

_UNSAFE = "unsafe_grants_without_client_ca"


def read_break_glass(
    section: Section | None, authorities: Collection[str], webhook: WebhookSettings | None
) -> BreakGlassSettings | None:
    """Read the section `break_glass`, whose authorities are configured ones; `ConfigError(configuration_invalid)`.

    Guaranteed: uses of a grant are taken for an API server that proves who it is, or because the configuration says in
    so many words that anybody may use them up.
    """
    if section is None:
        return None
    _refuse_anybody(section, webhook)
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


def _refuse_anybody(section: Section, webhook: WebhookSettings | None) -> None:
    unsafe = section.flag(_UNSAFE, default=False)
    needed = webhook is not None and not webhook.tls.client_ca
    if needed and not unsafe:
        raise refuse(
            section.place,
            "anybody who reaches the webhook could use up a grant",
            f"set `webhook.tls.client_ca`; where the API server has no client certificate, write `{_UNSAFE}: true`",
        )
    if unsafe and not needed:
        raise refuse(f"{section.place}.{_UNSAFE}", "it has no effect here", "remove it")
