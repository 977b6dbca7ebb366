"""The section `webhook`."""

import pytest

from assay.configuration.preset import PRESETS
from assay.configuration.settings import PrewarmSettings, WebhookSettings
from assay.domain.coverage import Coverage, Pin
from assay.domain.errors import ConfigError
from assay.domain.tenancy import TenantRule
from tests.unit.configuration.test_reader import GOOD, WEBHOOK, read

TENANTS = """\
  tenants:
    - {match: {names: [shop, cart]}, tenant: shop, environment: prod}
    - {match: {labels: {team: lab, example.com/stage: test}}, tenant: lab, environment: test}
    - {match: {names: ['*']}, tenant: rest, environment: prod}
"""
CLUSTER = "cluster: {in_cluster: true}\n"
KINDS = """\
  custom_resources:
    presets: [tekton]
    kinds:
      - {api_version: example.com/v1, kind: App, resource: apps, images: ['spec.steps[*].image']}
      - {api_version: example.com/v1, kind: Set, resource: sets, pod_specs: [spec.template], images_required: false}
"""


def _webhook(text: str) -> WebhookSettings:
    webhook = read(GOOD + text + CLUSTER).webhook
    assert webhook is not None
    return webhook


def _with_tenants(text: str) -> str:
    return WEBHOOK[: WEBHOOK.index("  tenant:")] + text


def test_one_tenant_for_every_namespace_is_the_short_form() -> None:
    assert _webhook(WEBHOOK).tenants == (TenantRule(tenant="team-a", environment="prod"),)
    assert _webhook(WEBHOOK).coverage == Coverage()


def test_tenants_are_chosen_by_names_and_labels_in_order() -> None:
    assert _webhook(_with_tenants(TENANTS)).tenants == (
        TenantRule(tenant="shop", environment="prod", names=frozenset({"shop", "cart"})),
        TenantRule(tenant="lab", environment="test", labels=(("example.com/stage", "test"), ("team", "lab"))),
        TenantRule(tenant="rest", environment="prod"),
    )


def test_each_tenant_and_environment_of_the_namespaces_is_told_once() -> None:
    twice = TENANTS + "    - {match: {names: [till]}, tenant: shop, environment: prod}\n"
    assert _webhook(_with_tenants(twice)).scopes == (("lab", "test"), ("rest", "prod"), ("shop", "prod"))


def test_labels_need_a_view_of_the_cluster() -> None:
    with pytest.raises(ConfigError) as caught:
        read(GOOD + _with_tenants(TENANTS))
    assert caught.value.message.startswith("webhook.tenants")
    assert read(GOOD + _with_tenants(TENANTS) + CLUSTER).webhook


def test_exempt_namespaces_and_pinning_arrive() -> None:
    coverage = _webhook(WEBHOOK + "  exempt_namespaces: [kube-system, assay]\n  pin: pods\n").coverage

    assert coverage == Coverage(exempt_namespaces=frozenset({"kube-system", "assay"}), pin=Pin.PODS)


EXEMPT = "  exempt_namespaces: [kube-system]\n"


def test_administrators_create_exempt_namespaces_unless_another_group_is_named() -> None:
    assert _webhook(WEBHOOK + EXEMPT).exempt_namespace_creators == "system:masters"
    told = _webhook(WEBHOOK + EXEMPT + "  exempt_namespace_creators: 'oidc:Platform Team'\n")
    assert told.exempt_namespace_creators == "oidc:Platform Team"


@pytest.mark.parametrize(
    "group", ["system:authenticated", "system:unauthenticated", "system:serviceaccounts", "' x'", '"a\\nb"', "ä"]
)
def test_a_group_that_guards_nothing_or_is_none_is_refused(group: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _webhook(f"{WEBHOOK}{EXEMPT}  exempt_namespace_creators: {group}\n")
    assert caught.value.code == "configuration_invalid"
    assert caught.value.message.startswith("webhook.exempt_namespace_creators")


def test_creators_of_what_is_not_exempt_are_an_option_without_effect() -> None:
    with pytest.raises(ConfigError) as caught:
        _webhook(WEBHOOK + "  exempt_namespace_creators: platform\n")
    assert caught.value.code == "configuration_invalid"
    assert "no namespace is exempt" in caught.value.message


def test_custom_resources_come_from_presets_and_from_paths() -> None:
    found = _webhook(WEBHOOK + KINDS).coverage.custom_resources

    assert found[: len(PRESETS["tekton"])] == PRESETS["tekton"]
    app, group = found[-2:]
    assert (app.kind.api_version, app.kind.kind, app.resource) == ("example.com/v1", "App", "apps")
    assert ([str(path) for path in app.images], app.images_required) == (["spec.steps[*].image"], True)
    assert ([str(path) for path in group.pod_specs], group.images_required) == (["spec.template"], False)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("{names: [shop, cart]}", "{names: [Shop]}", "webhook.tenants[0].match.names"),
        ("{names: [shop, cart]}", "{names: ['*', cart]}", "webhook.tenants[0].match.names"),
        ("{names: [shop, cart]}", "{}", "webhook.tenants[0].match"),
        ("{names: [shop, cart]}", "{regexp: x}", "webhook.tenants[0].match"),
        ("team: lab", "te am: lab", "webhook.tenants[1].match.labels"),
        ("team: lab", "team: '*'", "webhook.tenants[1].match.labels"),
        ("tenant: shop, ", "", "webhook.tenants[0].tenant"),
        ("environment: prod}", "environment: prod, extra: x}", "webhook.tenants[0]"),
    ],
)
def test_a_tenant_that_cannot_be_chosen_is_refused(old: str, new: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _webhook(_with_tenants(TENANTS.replace(old, new)))
    assert caught.value.message.startswith(place)
    assert _webhook(_with_tenants(TENANTS))


@pytest.mark.parametrize("tenants", ["  tenants: []\n", "  tenant: a\n" + TENANTS, "  environment: a\n" + TENANTS])
def test_both_forms_or_none_are_refused(tenants: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _webhook(_with_tenants(tenants))
    assert caught.value.message.startswith("webhook.tenants")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("[tekton]", "[unknown]", "webhook.custom_resources.presets"),
        ("[tekton]", "[tekton, tekton]", "webhook.custom_resources"),
        ("kind: Set", "kind: App", "webhook.custom_resources"),
        ("api_version: example.com/v1, kind: App", "api_version: v1, kind: App", "webhook.custom_resources.kinds[0]"),
        ("kind: App", "kind: app", "webhook.custom_resources.kinds[0].kind"),
        ("resource: apps", "resource: Apps", "webhook.custom_resources.kinds[0].resource"),
        ("spec.steps[*].image", "spec.steps[0].image", "webhook.custom_resources.kinds[0].images"),
        (", images: ['spec.steps[*].image']", "", "webhook.custom_resources.kinds[0]"),
        ("images_required: false", "images_required: no", "webhook.custom_resources.kinds[1].images_required"),
    ],
)
def test_a_custom_resource_that_cannot_be_judged_is_refused(old: str, new: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _webhook(WEBHOOK + KINDS.replace(old, new))
    assert caught.value.message.startswith(place)
    assert _webhook(WEBHOOK + KINDS)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("  pin: some\n", "webhook.pin"),
        ("  exempt_namespaces: ['team-*']\n", "webhook.exempt_namespaces"),
        ("  exempt_namespaces: []\n", "webhook.exempt_namespaces"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _webhook(WEBHOOK + text)
    assert caught.value.message.startswith(place)


def test_what_is_verified_before_anybody_asks_is_told() -> None:
    assert _webhook(WEBHOOK).prewarm is None
    assert _webhook(WEBHOOK + "  prewarm: {}\n").prewarm == PrewarmSettings(images=1000, replica_sets=False)
    told = _webhook(WEBHOOK + "  prewarm: {images: 5, replica_sets: true}\n").prewarm
    assert told == PrewarmSettings(images=5, replica_sets=True)


def test_images_are_verified_before_anybody_asks_only_where_the_webhook_says_so() -> None:
    assert read(GOOD).prewarmed is None
    assert read(GOOD + WEBHOOK).prewarmed is None
    told = read(GOOD + WEBHOOK + "  prewarm: {images: 5}\n")
    assert told.prewarmed == (told.webhook, PrewarmSettings(images=5, replica_sets=False))


@pytest.mark.parametrize(
    ("prewarm", "place"),
    [
        ("{images: 0}", "webhook.prewarm.images"),
        ("{images: 10001}", "webhook.prewarm.images"),
        ("{pods: true}", "webhook.prewarm"),
        ("{replica_sets: 1}", "webhook.prewarm.replica_sets"),
    ],
)
def test_a_pre_warmer_that_cannot_be_is_refused(prewarm: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _webhook(WEBHOOK + f"  prewarm: {prewarm}\n")
    assert caught.value.code == "configuration_invalid"
    assert caught.value.message.startswith(place)


def test_replica_sets_need_a_cluster() -> None:
    with pytest.raises(ConfigError) as caught:
        read(GOOD + WEBHOOK + "  prewarm: {replica_sets: true}\n")
    assert caught.value.message.startswith("webhook.prewarm.replica_sets")
    assert read(GOOD + WEBHOOK + "  prewarm: {}\n").webhook
