"""The section `provider`."""

import pytest

from assay.configuration.settings import ProviderSettings, TlsFiles
from assay.domain.errors import ConfigError
from tests.unit.configuration.test_reader import GOOD, WEBHOOK, read

CA = ", client_ca: gatekeeper-ca.crt"
PROVIDER = f"""\
provider:
  listen: 0.0.0.0:8444
  tls: {{certificate: tls.crt, key: tls.key{CA}}}
  client_names: [gatekeeper-webhook-service.gatekeeper-system.svc]
  tenant: team-a
  environment: prod
"""
NOTIFICATIONS = """\
notifications:
  listen: 127.0.0.1:0
  sources: [{name: main, kind: harbor, registry: registry.example, secrets: [harbor.token]}]
"""


def provider(text: str) -> ProviderSettings:
    found = read(GOOD + text).provider
    assert found is not None
    return found


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(GOOD + text)
    assert caught.value.code == "configuration_invalid"
    return caught.value.message


def test_without_the_section_there_is_no_provider() -> None:
    assert read(GOOD).provider is None


def test_the_servers_are_those_that_have_a_section() -> None:
    assert list(read(GOOD).servers) == ["service"]
    told = read(f"{GOOD}{WEBHOOK}{PROVIDER}{NOTIFICATIONS}")
    assert told.servers == {
        "service": told.service,
        "webhook": told.webhook,
        "provider": told.provider,
        "notifications": told.notifications,
    }


def test_a_provider_has_one_tenant_and_time_that_fits_into_that_of_gatekeeper() -> None:
    found = provider(PROVIDER)
    assert (found.tenant, found.environment) == ("team-a", "prod")
    assert (found.validation_milliseconds, found.mutation_milliseconds) == (2500, 800)
    assert found.tls == TlsFiles(certificate="tls.crt", key="tls.key", client_ca="gatekeeper-ca.crt")
    assert found.client_names == {"gatekeeper-webhook-service.gatekeeper-system.svc"}
    assert (found.workers, found.threads, found.read_seconds, found.lame_duck_seconds) == (2, 8, 5, 5)


def test_every_number_arrives() -> None:
    numbers = "validation_milliseconds: 4500, mutation_milliseconds: 100, workers: 1, threads: 2, read_seconds: 3"
    fields = "".join(f"  {field}\n" for field in numbers.split(", "))
    found = provider(f"{PROVIDER}{fields}  lame_duck_seconds: 0\n")
    assert (found.validation_milliseconds, found.mutation_milliseconds) == (4500, 100)
    assert (found.workers, found.threads, found.read_seconds, found.lame_duck_seconds) == (1, 2, 3, 0)


@pytest.mark.parametrize("listen", ["127.0.0.1:8444", "unix:provider.sock"])
def test_a_provider_without_a_client_ca_is_refused_wherever_it_listens(listen: str) -> None:
    text = PROVIDER.replace("0.0.0.0:8444", listen)
    assert provider(text).tls.client_ca
    assert refusal(text.replace(CA, "")).startswith("provider.tls.client_ca: anybody could ask")


@pytest.mark.parametrize("names", ["[]", "['*']", "[Gatekeeper.svc]", "[a..b]", "['']", "gatekeeper.svc"])
def test_clients_are_named_in_full(names: str) -> None:
    text = PROVIDER.replace("[gatekeeper-webhook-service.gatekeeper-system.svc]", names)
    assert refusal(text).startswith("provider.client_names")


@pytest.mark.parametrize("field", ["client_names", "tenant", "environment", "listen", "tls"])
def test_every_field_without_a_default_is_required(field: str) -> None:
    kept = [line for line in PROVIDER.splitlines() if not line.startswith(f"  {field}:")]
    assert f"provider.{field}" in refusal("\n".join(kept) + "\n")


@pytest.mark.parametrize("line", ["validation_milliseconds: 99", "mutation_milliseconds: 30001", "tenants: []"])
def test_what_is_out_of_range_or_unknown_is_refused(line: str) -> None:
    assert "provider" in refusal(f"{PROVIDER}  {line}\n")
