"""What Gatekeeper is given; `test_image_allowed.py` shows what its Rego does."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from click.testing import CliRunner, Result

from assay.domain.errors import ConfigError
from assay_webhooks.commands import webhook
from assay_webhooks.provider.manifest import ProviderGuard, make_provider_manifest
from tests.fakes.webhook_manifest import BUNDLE
from tests.unit.bootstrap.conftest import CONFIGURATION, PROVIDER

URL = "https://provider.assay.svc:8444"
GUARD = ProviderGuard(url=URL, ca_bundle=BUNDLE, validation_milliseconds=2500, mutation_milliseconds=800)
Json = dict[str, Any]


def made(guard: ProviderGuard = GUARD, *, pin: bool = False) -> list[Json]:
    return cast("list[Json]", make_provider_manifest(guard, "package assayimages\n", pin=pin))


def test_a_provider_is_called_at_its_path_for_as_many_whole_seconds_as_it_takes() -> None:
    (provider,) = [document for document in made() if document["kind"] == "Provider"]
    assert provider["spec"] == {
        "url": f"{URL}/validate",
        "timeout": 3,
        "caBundle": base64.b64encode(BUNDLE).decode(),
    }
    assert made(replace(GUARD, validation_milliseconds=3000))[0]["spec"]["timeout"] == 3
    assert made(replace(GUARD, validation_milliseconds=3001))[0]["spec"]["timeout"] == 4


def test_the_constraint_denies_and_is_of_the_kind_that_the_template_makes() -> None:
    provider, template, constraint = made()
    assert template["metadata"]["name"] == template["spec"]["crd"]["spec"]["names"]["kind"].lower()
    assert constraint["kind"] == template["spec"]["crd"]["spec"]["names"]["kind"]
    assert constraint["spec"]["enforcementAction"] == "deny"
    assert constraint["spec"]["parameters"] == {"provider": provider["metadata"]["name"]}
    assert "excludedNamespaces" not in constraint["spec"]["match"]


def test_templates_can_be_left_out_and_namespaces_exempt() -> None:
    every, pods = (made(replace(GUARD, templates=templates))[2]["spec"]["match"] for templates in (True, False))
    assert pods["kinds"] == [{"apiGroups": [""], "kinds": ["Pod"]}]
    assert {kind for each in every["kinds"] for kind in each["kinds"]} > {"CronJob", "Deployment", "PodTemplate"}
    exempt = replace(GUARD, exempt_namespaces=frozenset({"kube-system", "assay"}))
    assert made(exempt)[2]["spec"]["match"]["excludedNamespaces"] == ["assay", "kube-system"]


def test_pinning_asks_the_other_provider_for_every_place_and_fails_closed() -> None:
    documents = made(pin=True)
    (pinning,) = [document for document in documents[3:] if document["kind"] == "Provider"]
    assert (pinning["spec"]["url"], pinning["spec"]["timeout"]) == (f"{URL}/mutate", 1)
    assigns = [document["spec"] for document in documents if document["kind"] == "Assign"]
    assert len(assigns) == 4
    for spec in assigns:
        external = spec["parameters"]["assign"]["externalData"]
        assert (external["provider"], external["failurePolicy"]) == (pinning["metadata"]["name"], "Fail")
        (tested,) = spec["parameters"]["pathTests"]
        assert spec["location"].startswith(f"{tested['subPath']}.")
    assert len({document["metadata"]["name"] for document in documents if document["kind"] == "Assign"}) == 4


@pytest.mark.parametrize("url", ["http://provider.assay.svc", "https://a.test/path", "provider.assay.svc:8444", ""])
def test_an_address_that_gatekeeper_does_not_call_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(GUARD, url=url)
    assert caught.value.code == "webhook_address_invalid"


def test_a_bundle_without_a_certificate_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        replace(GUARD, ca_bundle=b"nothing")
    assert caught.value.code == "ca_bundle_invalid"


def run(folder: Path, text: str, *options: str) -> Result:
    configuration, ca = folder / "assay.yaml", folder / "ca.crt"
    configuration.write_text(text)
    ca.write_bytes(BUNDLE)
    named = ["--config", str(configuration), "--url", URL, "--ca", str(ca)]
    return CliRunner().invoke(webhook, ["provider-manifest", *named, *options])


def test_the_command_prints_the_same_in_both_forms(tmp_path: Path) -> None:
    text = CONFIGURATION + PROVIDER + "  validation_milliseconds: 4000\n"
    options = ["--pin", "--no-templates", "--exempt-namespace", "kube-system"]
    printed = list(yaml.safe_load_all(run(tmp_path, text, *options).output))
    assert json.loads(run(tmp_path, text, *options, "--output", "json").output)["items"] == printed
    assert printed[0]["spec"]["timeout"] == 4
    assert printed[1]["spec"]["targets"][0]["rego"].startswith("package assayimages\n")
    assert printed[2]["spec"]["match"]["excludedNamespaces"] == ["kube-system"]
    assert len(printed) == 8


def test_a_configuration_without_a_provider_has_no_manifest(tmp_path: Path) -> None:
    refused = run(tmp_path, CONFIGURATION).exception
    assert isinstance(refused, ConfigError)
    assert refused.code == "provider_missing"
