"""`assay webhook` from configuration files and folders."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from assay.domain.errors import ConfigError
from assay_webhooks import commands
from assay_webhooks.arming import ARMED
from assay_webhooks.commands import webhook
from assay_webhooks.composition import compose_cluster, find_kubeconfig
from assay_webhooks.manifest import make_manifest
from assay_webhooks.registration import ServiceAddress
from tests.fakes.clock import FrozenClock
from tests.fakes.cluster_objects import FakeObjects
from tests.fakes.webhook_manifest import BUNDLE, GUARD
from tests.unit.bootstrap.conftest import CONFIGURATION as BASE
from tests.unit.bootstrap.conftest import WEBHOOK

REGISTRIES = 'registries: {only: ["registry.example"], ca: release.pub}\n'
JUDGED = BASE.replace(REGISTRIES, "") + WEBHOOK.replace("  tls:", "  timeout_seconds: 7\n  tls:")
CONFIGURATION = JUDGED.replace("  tls:", "  exempt_namespaces: [assay]\n  tls:")
DEMANDS: dict[str, object] = {
    "allowed_registries": ["registry.example"],
    "mandatory": {"request": ["evidence.allowed", "registry.allowed"]},
}
RULE_DATA = {"demo": {"prod": DEMANDS}}


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_bytes(BUNDLE)
    (tmp_path / "rule-data.json").write_text(json.dumps(RULE_DATA))
    path = tmp_path / "assay.yaml"
    path.write_text(CONFIGURATION)
    return path


def run(*arguments: object) -> Result:
    clock = FrozenClock()
    parts = SimpleNamespace(clock=lambda: clock)
    return CliRunner().invoke(webhook, [str(argument) for argument in arguments], obj=parts)


def manifest(configuration: Path, *options: str) -> Result:
    ca = configuration.parent / "ca.crt"
    return run("manifest", "--config", configuration, "--ca", ca, "--service", "assay/webhook", *options)


def test_a_manifest_registers_the_webhook_and_the_static_policy(configuration: Path) -> None:
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(manifest(configuration).output))
    assert [document["kind"] for document in documents] == [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ]
    assert [document["metadata"]["name"] for document in documents[:4]] == ["assay"] * 4
    assert documents[0]["webhooks"][0]["timeoutSeconds"] == 7
    assert "registry" in json.dumps(documents[2])
    assert all("sha256:" in document["metadata"]["annotations"]["assay.dev/configuration"] for document in documents)


def test_what_lies_in_a_mirror_of_an_allowed_registry_is_allowed(configuration: Path) -> None:
    hosts = "{host: registry.example, mirrors: [mirror.example/cache]}, {host: other.example, mirrors: [m.example]}"
    configuration.write_text(f"{CONFIGURATION}registries: {{hosts: [{hosts}]}}\n")
    _, _, policy, *_ = yaml.safe_load_all(manifest(configuration).output)
    (allowed,) = [each["expression"] for each in policy["spec"]["variables"] if each["name"] == "allowed"]
    assert json.loads(allowed) == ["^registry\\.example/", "^mirror\\.example/cache[/:@]"]


@pytest.mark.parametrize(
    ("mode", "patterns"),
    [("enforce", ["^registry\\.example/"]), ("warn", [""]), ("shadow", [""]), ("off", [""])],
)
def test_the_static_policy_denies_no_registry_where_the_rule_denies_none(
    configuration: Path, mode: str, patterns: list[str]
) -> None:
    demands = {**DEMANDS, "modes": {"registry.allowed": mode}}
    (configuration.parent / "rule-data.json").write_text(json.dumps({"demo": {"prod": demands}}))
    _, _, policy, *_ = yaml.safe_load_all(manifest(configuration).output)
    (allowed,) = [each["expression"] for each in policy["spec"]["variables"] if each["name"] == "allowed"]
    assert json.loads(allowed) == patterns


@pytest.mark.parametrize(
    ("mandatory", "patterns"),
    [(["evidence.allowed", "registry.allowed"], ["^registry\\.example/"]), (["evidence.allowed"], [""])],
)
def test_the_static_policy_denies_no_registry_where_nobody_demands_the_rule(
    configuration: Path, mandatory: list[str], patterns: list[str]
) -> None:
    demands = {**DEMANDS, "mandatory": {"request": mandatory}}
    (configuration.parent / "rule-data.json").write_text(json.dumps({"demo": {"prod": demands}}))
    _, _, policy, *_ = yaml.safe_load_all(manifest(configuration).output)
    (allowed,) = [each["expression"] for each in policy["spec"]["variables"] if each["name"] == "allowed"]
    assert json.loads(allowed) == patterns


def test_rule_data_that_does_not_say_what_is_mandatory_is_refused(configuration: Path) -> None:
    demands = {key: value for key, value in DEMANDS.items() if key != "mandatory"}
    (configuration.parent / "rule-data.json").write_text(json.dumps({"demo": {"prod": demands}}))
    refused = manifest(configuration).exception
    assert isinstance(refused, ConfigError)
    assert refused.code == "rule_data_invalid"


def test_modes_that_are_no_mapping_are_refused(configuration: Path) -> None:
    demands = {**DEMANDS, "modes": []}
    (configuration.parent / "rule-data.json").write_text(json.dumps({"demo": {"prod": demands}}))
    refused = manifest(configuration).exception
    assert isinstance(refused, ConfigError)
    assert refused.code == "rule_data_invalid"


def test_both_forms_say_the_same_and_the_same_input_the_same_text(configuration: Path) -> None:
    text, document = manifest(configuration).output, manifest(configuration, "--output", "json").output
    assert json.loads(document)["items"] == list(yaml.safe_load_all(text))
    assert manifest(configuration).output == text


def test_the_static_policy_can_be_left_out(configuration: Path) -> None:
    documents = list(yaml.safe_load_all(manifest(configuration, "--no-static-policy").output))
    assert len(documents) == 2


def test_an_installation_begins_disarmed(configuration: Path) -> None:
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(manifest(configuration, "--disarmed").output))
    for document in documents[:2]:
        assert document["webhooks"][0]["rules"] == []
        assert ARMED in document["metadata"]["annotations"]
    assert ARMED not in documents[2]["metadata"]["annotations"]


@pytest.mark.parametrize("address", [(), ("--service", "a/b", "--url", "https://a.test"), ("--service", "b")])
def test_the_webhook_has_one_address(configuration: Path, address: tuple[str, ...]) -> None:
    ca = configuration.parent / "ca.crt"
    assert run("manifest", "--config", configuration, "--ca", ca, *address).exit_code == 2
    url = run("manifest", "--config", configuration, "--ca", ca, "--url", "https://127.0.0.1:8743")
    assert "https://127.0.0.1:8743/mutate" in url.output


def test_a_service_whose_pods_the_webhook_would_hold_back_is_refused(configuration: Path) -> None:
    configuration.write_text(JUDGED)
    error = manifest(configuration).exception
    assert isinstance(error, ConfigError)
    assert error.code == "service_not_exempt"
    assert "add assay to webhook.exempt_namespaces" in error.remedy
    configuration.write_text(CONFIGURATION)
    assert manifest(configuration).exit_code == 0


def test_a_service_among_what_is_judged_can_be_wanted(configuration: Path) -> None:
    configuration.write_text(JUDGED)
    assert "service:" in manifest(configuration, "--guarded-service").output
    ca, url = configuration.parent / "ca.crt", "https://127.0.0.1:8743"
    where = ["--config", configuration, "--ca", ca, "--url", url]
    assert run("manifest", *where).exit_code == 0
    assert run("manifest", *where, "--guarded-service").exit_code == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"demo": {"prod": {"allowed_registries": 1}}}', None])
def test_rule_data_that_does_not_say_what_is_allowed_is_refused(configuration: Path, content: str | None) -> None:
    file = configuration.parent / "rule-data.json"
    file.unlink() if content is None else file.write_text(content)
    error = manifest(configuration).exception
    assert isinstance(error, ConfigError)
    assert error.code == "rule_data_invalid"


def test_a_configuration_without_a_webhook_has_no_manifest(configuration: Path) -> None:
    configuration.write_text(BASE)
    error = manifest(configuration).exception
    assert isinstance(error, ConfigError)
    assert error.code == "webhook_missing"


def test_certificates_are_made_checked_and_rotated(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    made = run("certificates", "make", "--folder", folder, "--name", "webhook.assay.svc")
    assert made.exit_code == 0
    assert run("certificates", "check", "--folder", folder).exit_code == 0
    for step in ("stage", "switch", "finish"):
        assert f"{step}: done" in run("certificates", "rotate", "--folder", folder, step).output
        assert f"{step}: already taken" in run("certificates", "rotate", "--folder", folder, step).output
    checked = run("certificates", "check", "--folder", folder, "--output", "json")
    assert json.loads(checked.output)["names"] == ["webhook.assay.svc"]
    assert (checked.exit_code, json.loads(checked.output)["problems"]) == (0, [])


def test_a_key_that_others_can_read_is_a_problem(tmp_path: Path) -> None:
    run("certificates", "make", "--folder", tmp_path, "--name", "webhook.assay.svc", "--days", "3")
    (tmp_path / "tls.key").chmod(0o644)
    checked = run("certificates", "check", "--folder", tmp_path)
    assert checked.exit_code == 1
    assert "problem:  others can read tls.key" in checked.output


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeObjects:
    address = ServiceAddress(namespace="assay", name="webhook")
    documents = make_manifest(GUARD, address, BUNDLE, disarmed=None, static_policy=False)
    kinds = ("mutating", "validating")
    paths = [f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations/assay" for kind in kinds]
    objects = FakeObjects(objects=dict(zip(paths, documents, strict=True)))
    monkeypatch.setattr(commands, "compose_cluster", lambda _: objects)
    return objects


def test_the_way_out_and_back_say_who_changed_what(cluster: FakeObjects) -> None:
    both = "validatingwebhookconfigurations, mutatingwebhookconfigurations"
    assert run("disarm", "--reason", "it hangs").output == f"the webhook is disarmed: {both} (by alice)\n"
    assert (
        run("disarm", "--reason", "it hangs").output == "the webhook is disarmed: nothing was to be done (by alice)\n"
    )
    back = run("arm", "--reason", "it answers", "--output", "json")
    assert json.loads(back.output)["action"] == "arm"
    assert run("arm", "--reason", "it answers").output == "the webhook is armed: nothing was to be done (by alice)\n"
    assert len(cluster.replaced) == 4


def test_a_way_out_needs_a_reason(cluster: FakeObjects) -> None:
    assert run("disarm").exit_code == 2
    error = run("disarm", "--reason", " ").exception
    assert isinstance(error, ConfigError)
    assert error.code == "reason_invalid"
    assert cluster.replaced == []


def test_the_cluster_is_found_as_kubectl_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_kubeconfig({}) == tmp_path / ".kube" / "config"
    assert find_kubeconfig({"KUBECONFIG": "/a/config"}) == Path("/a/config")
    with pytest.raises(ConfigError) as caught:
        find_kubeconfig({"KUBECONFIG": "/a:/b"})
    assert caught.value.code == "cluster_not_configured"
    with pytest.raises(ConfigError, match="cannot be read"):
        compose_cluster(tmp_path / "nothing")


SELECTIVE = CONFIGURATION.replace("[assay]", "[kube-system, assay]").replace(
    "  tenant: demo\n  environment: prod\n",
    """\
  pin: pods
  custom_resources:
    kinds:
      - {api_version: example.org/v1, kind: Job, resource: jobs, images: ["status.image"]}
      - {api_version: example.org/v1, kind: App, resource: apps, pod_specs: ["spec.pod"]}
  tenants:
    - {match: {names: [team-a], labels: {stage: live}}, tenant: demo, environment: prod}
cluster: {kubeconfig: kubeconfig.yaml}
""",
)


def test_the_manifest_covers_what_the_configuration_covers(configuration: Path) -> None:
    configuration.write_text(SELECTIVE)
    registered, _, policy, *_ = yaml.safe_load_all(manifest(configuration).output)
    hook = registered["webhooks"][0]
    custom = [rule["resources"] for rule in hook["rules"] if rule["apiGroups"] == ["example.org"]]
    assert sorted(custom) == [["apps"], ["jobs"]]
    assert "kube-system" in json.dumps(hook["namespaceSelector"])
    expression = hook["matchConditions"][0]["expression"]
    assert 'request.resource.group == "example.org" && request.resource.resource in ["jobs"]' in expression
    rules = policy["spec"]["matchConstraints"]["resourceRules"]
    assert [rule["resources"] for rule in rules] == [["pods", "pods/ephemeralcontainers"]]
    assert "team-a" in json.dumps(policy["spec"]["variables"])
