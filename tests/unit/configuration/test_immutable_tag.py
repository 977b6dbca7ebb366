"""The section `immutable_tags`."""

import pytest

from assay.configuration.settings import ImmutableTagSettings
from assay.domain.errors import ConfigError
from assay.domain.reference import Repository
from tests.unit.configuration.test_reader import GOOD, WEBHOOK, read

RULE = "{repository: registry.example/app/*, tags: ['v*']}"
OWNED = RULE.replace("}", ", owner: platform}")
OWNER = "{name: platform, url: 'https://hooks.example/assay', secret: owner.secret}"


def section(rules: str = RULE, owners: str = "") -> ImmutableTagSettings:
    written = f"rules: [{rules}], owners: [{owners}]" if owners else f"rules: [{rules}]"
    settings = read(f"{GOOD}{WEBHOOK}immutable_tags: {{{written}}}\n").immutable_tags
    assert settings is not None
    return settings


def test_no_tag_is_immutable_unless_it_is_declared_so() -> None:
    assert read(GOOD).immutable_tags is None


def test_a_rule_needs_no_owner() -> None:
    settings = section()
    (rule,) = settings.rules
    assert (rule.owner, settings.owners) == ("", ())
    assert rule.covers(Repository.parse("registry.example/app/web"), "v1")
    assert not rule.covers(Repository.parse("registry.example/app/web"), "latest")


def test_an_owner_is_an_address_with_a_secret() -> None:
    settings = section(OWNED, OWNER.replace("}", ", ca: ca.crt}"))
    (owner,) = settings.owners
    assert settings.rules[0].owner == owner.name == "platform"
    assert (owner.url, owner.secret, owner.ca) == ("https://hooks.example/assay", "owner.secret", "ca.crt")


@pytest.mark.parametrize("url", ["https://127.0.0.1:8443", "https://[::1]:1/a/b", "https://x.example/a%20b?c"[:-2]])
def test_an_address_may_have_a_port_and_a_path(url: str) -> None:
    assert section(OWNED, OWNER.replace("https://hooks.example/assay", url)).owners[0].url == url


@pytest.mark.parametrize(
    ("rules", "owners"),
    [
        ("", OWNER),
        (RULE.replace("['v*']", "[]"), ""),
        (RULE.replace("registry.example/app/*", "x" * 2000), ""),
        (RULE.replace("}", ", more: 1}"), ""),
        (OWNED, ""),
        (OWNED, OWNER.replace("platform", "other")),
        (OWNED, f"{OWNER}, {OWNER}"),
        (OWNED, OWNER.replace("https:", "http:")),
        (OWNED, OWNER.replace("hooks.example", "user:word@hooks.example")),
        (OWNED, OWNER.replace("/assay", "/assay#part")),
        (OWNED, OWNER.replace("/assay", "/a b")),
        (OWNED, OWNER.replace(", secret: owner.secret", "")),
        (OWNED, OWNER.replace("}", ", more: 1}")),
    ],
)
def test_what_nobody_could_mean_is_refused(rules: str, owners: str) -> None:
    with pytest.raises(ConfigError) as caught:
        section(rules, owners)
    assert caught.value.code == "configuration_invalid"
    assert section(OWNED, OWNER)


def test_tags_are_held_where_images_are_admitted() -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"{GOOD}immutable_tags: {{rules: [{RULE}]}}\n")
    assert caught.value.code == "configuration_invalid"
