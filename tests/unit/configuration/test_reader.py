"""The configuration file: what is accepted, and what is refused where."""

import pytest

from assay.configuration.reader import parse_configuration
from assay.configuration.settings import Settings
from assay.domain.caller import Role
from assay.domain.errors import ConfigError
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat

GOOD = """\
version: 1
state: state
origin: assay.example/assay/test
policy: {bundle: policies, rule_data: rule-data.yaml}
opa: {path: opa}
authorities:
  release: {keys: [cosign.pub]}
service:
  listen: 127.0.0.1:0
  local: {tenant: team-a, environments: [prod], roles: [gate, audit]}
"""
PUBLIC = """\
service:
  listen: 10.0.0.1:8700
  tls: {certificate: tls.crt, key: tls.key}
  callers:
    - name: ci
      token_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      tenant: team-a
      environments: [prod]
      roles: [gate]
"""
WEBHOOK = """\
webhook:
  listen: 0.0.0.0:8743
  tls: {certificate: tls.crt, key: tls.key, client_ca: ca.crt}
  tenant: team-a
  environment: prod
"""


def read(text: str) -> Settings:
    return parse_configuration(text.encode())


def with_service(service: str) -> str:
    return GOOD[: GOOD.index("service:")] + service


def test_a_small_file_gets_the_documented_defaults() -> None:
    settings = read(GOOD)
    assert (settings.service.workers, settings.service.threads) == (2, 8)
    assert settings.service.local is not None
    assert settings.service.local.roles == {Role.GATE, Role.AUDIT}
    assert (settings.service.read_seconds, settings.service.lame_duck_seconds) == (5, 2)
    assert (settings.request_octets, settings.decision_seconds) == (32 * 1024 * 1024, 20)
    assert settings.webhook is None
    assert settings.opa_sha256 is None
    assert settings.registries.only == ()
    assert settings.evidence == EVERY_FORMAT
    assert read(GOOD + "evidence: {referrers: false}\n").evidence == EVERY_FORMAT - {EvidenceFormat.REFERRERS}


def test_every_option_arrives_where_it_belongs() -> None:
    extra = "limits: {request_mib: 2, decision_seconds: 5}\nlayouts: layouts\n"
    extra += "registries: {only: ['r.example'], plain_http: ['127.0.0.1:5000'], ca: ca.crt}\n"
    digest = "0" * 64
    settings = read(GOOD.replace("path: opa", f"path: opa, sha256: '{digest}'") + WEBHOOK + extra)
    assert settings.opa_sha256 is not None
    assert settings.opa_sha256.hex == digest
    assert settings.webhook is not None
    assert settings.webhook.tls.client_ca == "ca.crt"
    assert (settings.webhook.read_seconds, settings.webhook.lame_duck_seconds) == (5, 5)
    assert settings.webhook.timeout_seconds == 10
    assert settings.registries.plain_http == ("127.0.0.1:5000",)
    assert (settings.request_octets, settings.decision_seconds) == (2 * 1024 * 1024, 5)


def test_time_for_slow_clients_and_for_the_end_can_be_set() -> None:
    settings = read(GOOD.replace("  local:", "  read_seconds: 30\n  lame_duck_seconds: 0\n  local:"))
    assert (settings.service.read_seconds, settings.service.lame_duck_seconds) == (30, 0)
    settings = read(GOOD + WEBHOOK + "  read_seconds: 1\n  lame_duck_seconds: 120\n  timeout_seconds: 30\n")
    assert settings.webhook is not None
    assert settings.webhook.timeout_seconds == 30
    assert (settings.webhook.read_seconds, settings.webhook.lame_duck_seconds) == (1, 120)


@pytest.mark.parametrize(
    "line", ["timeout_seconds: 31", "read_seconds: 0", "read_seconds: 61", "lame_duck_seconds: 121"]
)
def test_time_without_end_is_refused(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(GOOD + WEBHOOK + f"  {line}\n")
    assert caught.value.code == "configuration_invalid"
    assert "webhook." in caught.value.message


def test_a_binary_at_an_absolute_path_is_used_with_its_digest() -> None:
    settings = read(GOOD.replace("path: opa", f"path: /usr/bin/opa, sha256: '{'0' * 64}'"))
    assert settings.opa == "/usr/bin/opa"


def test_a_service_that_others_can_reach_needs_tls_and_tokens() -> None:
    settings = read(with_service(PUBLIC))
    assert settings.service.tls is not None
    assert [caller.name for _, caller in settings.service.callers] == ["ci"]


LOCAL = "  local: {tenant: team-a, environments: [prod], roles: [gate]}\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (GOOD.replace("version: 1", "version: 2"), "version"),
        (GOOD.replace("state: state\n", ""), "state"),
        (GOOD.replace("state: state", "state:"), "state"),
        (GOOD + "surprise: 1\n", "surprise"),
        (GOOD.replace("roles: [gate, audit]", "roles: [root]"), "roles"),
        (GOOD.replace("environments: [prod]", "environments: []"), "environments"),
        (GOOD.replace("tenant: team-a", "tenant: Team A"), "tenant"),
        (GOOD.replace("origin: assay.example/assay/test", "origin: 'a b'"), "origin"),
        (GOOD.replace("  release: {keys: [cosign.pub]}", "  {}"), "authorities"),
        (GOOD.replace("  release: {keys: [cosign.pub]}", "  release: {keys: [cosign.pub], threshold: 2}"), "threshold"),
        (GOOD.replace("path: opa", "path: opa, sha256: abc"), "sha256"),
        (GOOD.replace("path: opa", "path: /usr/bin/opa"), "opa.sha256"),
        (GOOD.replace("127.0.0.1:0", "localhost:0"), "service.listen"),
        (GOOD.replace("127.0.0.1:0", "127.0.0.1:99999"), "service.listen"),
        (GOOD.replace("127.0.0.1:0", "'unix:'"), "service.listen"),
        (GOOD.replace("127.0.0.1:0", "10.0.0.1:80"), "service.listen"),
        (with_service(PUBLIC + LOCAL), "service.local"),
        (with_service("service: {listen: '127.0.0.1:0'}\n"), "nobody may call"),
        (with_service("service: text\n"), "service"),
        (GOOD.replace("policy: {", "policy: {extra: 1, "), "extra"),
        (GOOD.replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:0\n  workers: many"), "service.workers"),
        (GOOD.replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:0\n  workers: 0"), "service.workers"),
        (GOOD.replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:0\n  workers: 65"), "service.workers"),
        (GOOD.replace("listen: 127.0.0.1:0", f"listen: 127.0.0.1:0\n  workers: {'9' * 5000}"), "service.workers"),
        (GOOD.replace("127.0.0.1:0", f"127.0.0.1:{'9' * 5000}"), "service.listen"),
        (GOOD.replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:0\n  callers: 1"), "service.callers"),
        (GOOD.replace("service:", "services:"), "service"),
        (GOOD + "state: again\n", "twice"),
    ],
)
def test_a_mistake_is_refused_and_its_place_is_named(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.code == "configuration_invalid"
    assert place in caught.value.message


@pytest.mark.parametrize("what", ["name", "token"])
def test_two_callers_with_the_same_name_or_token_are_refused(what: str) -> None:
    entry = PUBLIC[PUBLIC.index("    - name") :]
    other = entry.replace("ci", "cd") if what == "token" else entry.replace("9f86", "aaaa")
    with pytest.raises(ConfigError, match=f"same {what}"):
        read(with_service(PUBLIC + other))
    assert len(read(with_service(PUBLIC + entry.replace("ci", "cd").replace("9f86", "aaaa"))).service.callers) == 2
