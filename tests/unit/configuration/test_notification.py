"""The section `notifications`."""

import pytest

from assay.configuration.settings import NotificationSettings
from assay.domain.errors import ConfigError
from assay.domain.notification import SourceKind
from tests.unit.configuration.test_reader import GOOD, read

SOURCE = "{name: main, kind: harbor, registry: registry.example, secrets: [harbor.token]}"
PUBLIC = "listen: 0.0.0.0:8744, tls: {certificate: tls.crt, key: tls.key}"


def section(sources: str = SOURCE, server: str = "listen: 127.0.0.1:0") -> NotificationSettings:
    settings = read(f"{GOOD}notifications: {{{server}, sources: [{sources}]}}\n").notifications
    assert settings is not None
    return settings


def test_nobody_may_notify_unless_it_is_configured() -> None:
    assert read(GOOD).notifications is None


def test_a_small_section_gets_the_documented_defaults() -> None:
    settings = section()
    assert (settings.workers, settings.threads, settings.tls) == (1, 4, None)
    assert (settings.read_seconds, settings.lame_duck_seconds) == (5, 2)
    (item,) = settings.sources
    assert (item.source.name, item.source.kind, item.secrets) == ("main", SourceKind.HARBOR, ("harbor.token",))
    assert item.source.prefixes == ()


def test_everything_can_be_said() -> None:
    server = f"{PUBLIC}, threads: 2, read_seconds: 3, lame_duck_seconds: 0"
    first = SOURCE.replace("secrets: [harbor.token]", "secrets: [new, old], prefixes: [team, other/app]")
    settings = section(f"{first}, {SOURCE.replace('main', 'second').replace('harbor,', 'github,')}", server)
    assert (settings.threads, settings.read_seconds, settings.lame_duck_seconds) == (2, 3, 0)
    assert settings.tls is not None
    assert settings.sources[0].secrets == ("new", "old")
    assert settings.sources[0].source.prefixes == ("team", "other/app")
    assert [item.source.kind for item in settings.sources] == [SourceKind.HARBOR, SourceKind.GITHUB]


@pytest.mark.parametrize(
    ("sources", "server"),
    [
        ("", "listen: 127.0.0.1:0"),
        (f"{SOURCE}, {SOURCE}", "listen: 127.0.0.1:0"),
        (SOURCE.replace("harbor,", "quay,"), "listen: 127.0.0.1:0"),
        (SOURCE.replace("main", "Main"), "listen: 127.0.0.1:0"),
        (SOURCE.replace("registry.example", "Registry.example"), "listen: 127.0.0.1:0"),
        (SOURCE.replace("registry.example", "registry.example/team"), "listen: 127.0.0.1:0"),
        (SOURCE.replace("[harbor.token]", "[]"), "listen: 127.0.0.1:0"),
        (SOURCE.replace("[harbor.token]", "[a, b, c]"), "listen: 127.0.0.1:0"),
        (SOURCE.replace("}", ", prefixes: [/team]}"), "listen: 127.0.0.1:0"),
        (SOURCE.replace("}", ", more: 1}"), "listen: 127.0.0.1:0"),
        (SOURCE, "listen: 0.0.0.0:8744"),
        (SOURCE, "listen: 127.0.0.1:0, threads: 0"),
        (SOURCE, "listen: 127.0.0.1:0, workers: 2"),
    ],
)
def test_what_nobody_could_mean_is_refused(sources: str, server: str) -> None:
    with pytest.raises(ConfigError) as caught:
        section(sources, server)
    assert caught.value.code == "configuration_invalid"
    assert section(SOURCE, PUBLIC)
