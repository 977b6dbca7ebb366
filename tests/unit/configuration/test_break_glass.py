"""The section `break_glass`."""

from datetime import timedelta

import pytest

from assay.configuration.settings import BreakGlassSettings
from assay.domain.errors import ConfigError
from tests.unit.configuration.test_reader import GOOD, WEBHOOK, read

PLAIN = "grants: grants, authorities: [release]"
UNSAFE = "unsafe_grants_without_client_ca"
OPEN = WEBHOOK.replace(", client_ca: ca.crt", "")


def section(text: str, webhook: str = "") -> BreakGlassSettings | None:
    return read(f"{GOOD}{webhook}break_glass: {{{text}}}\n").break_glass


def test_there_is_none_unless_it_is_configured() -> None:
    assert read(GOOD).break_glass is None


def test_it_has_bounds_of_its_own() -> None:
    found = section("grants: grants, authorities: [release]")
    assert found is not None
    assert (found.grants, found.rules.quorum.threshold) == ("grants", 1)
    assert (found.rules.longest, found.rules.most_uses) == (timedelta(hours=24), 20)
    other = section("grants: g, authorities: [release], threshold: 1, most_hours: 2, most_uses: 3")
    assert other is not None
    assert (other.rules.longest, other.rules.most_uses) == (timedelta(hours=2), 3)


@pytest.mark.parametrize(
    "text",
    [
        "grants: grants",
        "authorities: [release]",
        "grants: grants, authorities: []",
        "grants: grants, authorities: [nobody]",
        "grants: grants, authorities: [release], threshold: 2",
        "grants: grants, authorities: [release], most_hours: 169",
        "grants: grants, authorities: [release], most_uses: 0",
        "grants: grants, authorities: [release], more: 1",
    ],
)
def test_what_nobody_could_mean_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        section(text)
    assert caught.value.code == "configuration_invalid"


@pytest.mark.parametrize(
    ("webhook", "text"),
    [(WEBHOOK, PLAIN), (WEBHOOK, f"{PLAIN}, {UNSAFE}: false"), (OPEN, f"{PLAIN}, {UNSAFE}: true")],
)
def test_grants_are_for_an_api_server_that_proves_who_it_is_or_for_anybody_by_name(webhook: str, text: str) -> None:
    assert section(text, webhook) == section(PLAIN)


@pytest.mark.parametrize(
    ("webhook", "text", "complaint"),
    [
        (OPEN, PLAIN, "anybody"),
        (OPEN, f"{PLAIN}, {UNSAFE}: false", "anybody"),
        (WEBHOOK, f"{PLAIN}, {UNSAFE}: true", "no effect"),
        ("", f"{PLAIN}, {UNSAFE}: true", "no effect"),
    ],
)
def test_grants_are_not_for_anybody(webhook: str, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        section(text, webhook)
    assert caught.value.code == "configuration_invalid"
    assert caught.value.message.startswith("break_glass")
    assert complaint in caught.value.message
