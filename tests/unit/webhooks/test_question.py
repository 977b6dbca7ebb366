"""What is judged, and what the engine is asked."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import Coverage, CustomResource, Pin
from assay.domain.errors import InvalidInput
from assay.domain.field_path import FieldPath
from assay_webhooks.question import Exemption, Subject, examine, needs_digests, pose_question, require_digests
from assay_webhooks.review import AdmissionRequest, parse_review
from assay_webhooks.workloads import compile_kinds
from tests.fakes.admission import DIGEST, OTHER_DIGEST, UID, Json, find_images, pod, review, subject_of

COVERAGE = Coverage()


def _request(obj: object, **options: object) -> AdmissionRequest:
    return parse_review(json.dumps(review(obj, **options)).encode())  # type: ignore[arg-type]  # JSON members


def _examine(request: AdmissionRequest, coverage: Coverage = COVERAGE) -> Exemption | Subject:
    return examine(request, compile_kinds(coverage.custom_resources), coverage)


def _update(new: object, old: object) -> Exemption | str:
    """The exemption of an update, or what of it is decided: `everything` or `request`."""
    found = _examine(_request(new, old=old, operation="UPDATE"))
    if isinstance(found, Exemption):
        return found
    return "request" if found.images_unchanged else "everything"


def _code(request: AdmissionRequest) -> str:
    with pytest.raises(InvalidInput) as caught:
        pose_question(request, subject_of(request))
    return caught.value.code


def test_a_deletion_is_not_judged() -> None:
    assert _examine(_request(None, operation="DELETE")) is Exemption.DELETION


def test_a_connect_is_refused_and_a_creation_is_judged() -> None:
    with pytest.raises(InvalidInput) as caught:
        _examine(_request(pod("nginx"), operation="CONNECT"))
    assert caught.value.code == "operation_unsupported"
    assert isinstance(_examine(_request(pod("nginx"), operation="CREATE")), Subject)


def test_a_creation_with_a_deletion_timestamp_is_judged() -> None:
    document = pod("nginx")
    document["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"

    assert isinstance(_examine(_request(document, old=document)), Subject)


@pytest.mark.parametrize(
    "new",
    [
        pod("nginx", "redis:7"),
        {**pod("nginx", "redis:7"), "metadata": {"finalizers": []}},
        {**pod("nginx", "redis:7"), "metadata": {"deletionTimestamp": "2026-11-21T12:00:00Z"}},
    ],
)
def test_an_update_that_keeps_images_and_pod_spec_is_exempt(new: object) -> None:
    assert _update(new, pod("nginx", "redis:7")) is Exemption.IMAGES_UNCHANGED


@pytest.mark.parametrize(
    "new",
    [
        pod("nginx", "redis:7", activeDeadlineSeconds=1),
        pod("redis:7", "docker.io/library/nginx:latest"),
        pod("nginx", "redis:7", hostNetwork=True),
    ],
)
def test_of_an_update_that_keeps_the_image_set_alone_only_the_request_is_decided(new: object) -> None:
    assert _update(new, pod("nginx", "redis:7")) == "request"


@pytest.mark.parametrize(
    "new",
    [
        pod("nginx", "redis:8"),
        pod("nginx"),
        pod("nginx", "nginx", "redis:7"),
        pod("nginx", initContainers=[{"image": "redis:7"}]),
        pod("nginx", "redis:7", ephemeralContainers=[{"image": "nginx"}]),
        pod("nginx", f"redis:7@{DIGEST}"),
        {**pod("nginx", "redis:8"), "metadata": {"deletionTimestamp": "2026-11-21T12:00:00Z"}},
    ],
)
def test_an_update_that_changes_the_image_set_is_judged(new: object) -> None:
    assert _update(new, pod("nginx", "redis:7")) == "everything"


def _deep(levels: int) -> Json:
    value: object = "x"
    for _ in range(levels):
        value = [value]
    return pod("nginx", later=value)


@pytest.mark.parametrize(("levels", "compared"), [(100, True), (5000, False)])
def test_an_object_nested_deeper_than_can_be_compared_is_judged(levels: int, *, compared: bool) -> None:
    update = _request(pod("nginx"), operation="UPDATE")
    found = _examine(replace(update, untrusted_object=_deep(levels), untrusted_old_object=_deep(levels)))

    assert (found is Exemption.IMAGES_UNCHANGED) is compared


def test_with_a_digest_the_tag_is_display_only() -> None:
    old = pod(f"nginx:1@{DIGEST}", hostname="a")

    assert _update(pod(f"nginx:2@{DIGEST}"), old) == "request"
    assert _update(pod(f"nginx:1@{OTHER_DIGEST}"), old) == "everything"


@pytest.mark.parametrize("old", [None, {}, [], {**pod("nginx"), "kind": "Job"}, pod(" ")])
def test_an_update_is_judged_when_the_old_object_cannot_be_read(old: object) -> None:
    assert _update(pod("nginx"), old) == "everything"


def test_labels_of_an_object_older_than_the_webhook_can_be_edited() -> None:
    old = pod(" ")
    new = {**pod(" "), "metadata": {"labels": {"app": "other"}}}

    assert _update(new, old) is Exemption.IMAGES_UNCHANGED


def test_two_pod_specs_without_containers_are_not_an_unchanged_image_set() -> None:
    with pytest.raises(InvalidInput) as caught:
        _update({**pod(), "spec": {}}, {**pod(), "spec": {}})
    assert caught.value.code == "no_images_found"


def test_an_update_to_something_unreadable_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        _update(pod(" "), pod("nginx"))
    assert caught.value.code == "reference_malformed"


def test_the_question_holds_what_a_decision_may_read() -> None:
    document = pod("nginx", "docker.io/library/nginx:latest", "redis:7", serviceAccountName="robot")
    document["metadata"]["labels"] = {"b": "2", "a": "1"}
    request = _request(document, dryRun=True, userInfo={"username": "alice", "groups": ["b", "a", "b"]})
    question = pose_question(request, subject_of(request))

    assert (question.uid, question.operation, question.kind, question.name) == (UID, "CREATE", "Pod", "web")
    assert (question.namespace, question.user, question.service_account) == ("team-a", "alice", "robot")
    assert (question.dry_run, question.groups, question.images_unchanged) == (True, ("a", "b"), False)
    assert len(question.pods) == 1
    assert question.labels == (("a", "1"), ("b", "2"))
    assert [str(item) for item in question.references] == [
        "docker.io/library/nginx:latest",
        "docker.io/library/redis:7",
    ]


@pytest.mark.parametrize(
    ("spec", "account"),
    [
        ({}, "default"),
        ({"serviceAccountName": ""}, "default"),
        ({"serviceAccount": "old"}, "old"),
        ({"serviceAccountName": "new", "serviceAccount": "old"}, "new"),
    ],
)
def test_the_service_account_is_the_one_pods_run_under(spec: dict[str, object], account: str) -> None:
    request = _request(pod("nginx", **spec))
    assert pose_question(request, subject_of(request)).service_account == account


@pytest.mark.parametrize(
    ("entries", "names"),
    [(None, ()), ([], ()), ([{"name": "b"}, {"name": "a"}, {"name": "b"}], ("b", "a")), ([{}, {"name": ""}], ())],
)
def test_pull_secrets_are_named_in_their_order(entries: object, names: tuple[str, ...]) -> None:
    request = _request(pod("nginx", imagePullSecrets=entries))
    assert pose_question(request, subject_of(request)).pull_secrets == names


@pytest.mark.parametrize("entries", ["text", ["name"], [{"name": 1}], [{"name": f"s{n}"} for n in range(33)]])
def test_pull_secrets_of_the_wrong_type_or_too_many_are_refused(entries: object) -> None:
    assert _code(_request(pod("nginx", imagePullSecrets=entries))) == "object_malformed"


@pytest.mark.parametrize("metadata", [None, {}, {"labels": None}, {"labels": {}}])
def test_an_object_may_have_no_labels(metadata: object) -> None:
    request = _request({**pod("nginx"), "metadata": metadata})
    assert pose_question(request, subject_of(request)).labels == ()


@pytest.mark.parametrize("metadata", ["text", {"labels": ["a"]}, {"labels": {"a": 1}}])
def test_labels_of_the_wrong_type_are_refused(metadata: object) -> None:
    assert _code(_request({**pod("nginx"), "metadata": metadata})) == "object_malformed"


def test_a_service_account_of_the_wrong_type_is_refused() -> None:
    assert _code(_request(pod("nginx", serviceAccountName=["robot"]))) == "object_malformed"


def test_a_request_without_namespace_is_refused_whatever_the_object_says() -> None:
    assert _code(_request(pod("nginx"), namespace="")) == "object_malformed"


def test_an_image_without_digest_is_refused_where_digests_are_required() -> None:
    with pytest.raises(InvalidInput) as caught:
        require_digests(find_images(_request(pod(f"nginx@{DIGEST}", "redis:7"))))
    assert caught.value.code == "digest_required"
    assert caught.value.message == "/spec/containers/1/image is not pinned to a digest"

    require_digests(find_images(_request(pod(f"nginx@{DIGEST}", f"redis:7@{DIGEST}"))))


PLURAL = CustomResource(
    kind=GroupVersionKind(group="example.com", version="v1", kind="Plural"),
    resource="plurals",
    images=(FieldPath.parse("spec.steps[*].image"),),
    pod_specs=(FieldPath.parse("spec.templates[*].spec"),),
    images_required=False,
)
PLURALS = Coverage(custom_resources=(PLURAL,))


def _plural(*steps: str, templates: Sequence[Json] = ()) -> Json:
    spec = {"steps": [{"image": image} for image in steps], "templates": list(templates)}
    return {"apiVersion": "example.com/v1", "kind": "Plural", "spec": spec}


def test_a_custom_resource_that_refers_to_others_is_exempt() -> None:
    assert _examine(_request(_plural()), PLURALS) is Exemption.NO_IMAGES
    assert isinstance(_examine(_request(_plural("a:1")), PLURALS), Subject)


def test_steps_in_another_order_are_the_same_images() -> None:
    update = _request(_plural("a:1", "b:1"), old=_plural("b:1", "a:1"), operation="UPDATE")
    assert _examine(update, PLURALS) is Exemption.IMAGES_UNCHANGED
    changed = _request(_plural("a:1", "c:1"), old=_plural("b:1", "a:1"), operation="UPDATE")
    assert isinstance(_examine(changed, PLURALS), Subject)


def test_a_custom_resource_asks_for_all_its_pod_specs_together() -> None:
    templates = [pod("a:1", imagePullSecrets=[{"name": name}], serviceAccountName="robot") for name in ("x", "y")]
    request = _request(_plural("b:1", templates=templates))
    question = pose_question(request, subject_of(request, PLURALS))

    assert (question.pull_secrets, question.service_account, len(question.pods)) == (("x", "y"), "robot", 2)
    alone = _request(_plural("b:1"))
    assert pose_question(alone, subject_of(alone, PLURALS)).service_account == ""


@pytest.mark.parametrize(
    "templates",
    [
        [pod("a:1", serviceAccountName=name) for name in ("x", "y")],
        [pod("a:1", imagePullSecrets=[{"name": f"{t}{n}"} for n in range(20)]) for t in "xy"],
    ],
)
def test_pod_specs_that_cannot_be_asked_for_together_are_refused(templates: list[Json]) -> None:
    request = _request(_plural(templates=templates))
    with pytest.raises(InvalidInput) as caught:
        pose_question(request, subject_of(request, PLURALS))
    assert caught.value.code == "object_malformed"


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_a_namespace_is_exempt_by_its_name_alone(operation: str) -> None:
    coverage = Coverage(exempt_namespaces=frozenset({"kube-system"}))
    document = {**pod("nginx"), "metadata": {"namespace": "kube-system", "labels": {"exempt": "true"}}}

    assert _examine(_request(document, namespace="kube-system", operation=operation), coverage) is (
        Exemption.EXEMPT_NAMESPACE
    )
    assert isinstance(_examine(_request(document, namespace="team-a", operation=operation), coverage), Subject)


def _template(image: str) -> dict[str, object]:
    spec = {"template": {"spec": pod(image)["spec"]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": spec}


@pytest.mark.parametrize(("pin", "template"), [(Pin.PODS, False), (Pin.ALL, True)])
def test_templates_need_digests_where_they_are_pinned_too(pin: Pin, *, template: bool) -> None:
    coverage = Coverage(pin=pin)
    deployment, created = _request(_template("nginx")), _request(pod("nginx"))

    assert needs_digests(deployment, subject_of(deployment), coverage) is template
    assert needs_digests(created, subject_of(created), coverage)


def test_images_that_run_already_need_no_digest() -> None:
    update = _request(pod("nginx", hostname="b"), old=pod("nginx", hostname="a"), operation="UPDATE")
    assert not needs_digests(update, subject_of(update), COVERAGE)
