"""Which images an object names."""

from collections.abc import Mapping

import pytest

from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import CustomResource
from assay.domain.errors import InvalidInput
from assay.domain.field_path import FieldPath, Place
from assay_webhooks.workloads import (
    MOST_IMAGES,
    POD,
    ImageField,
    Workload,
    compile_kinds,
    extract_images,
    find_workload,
)
from tests.fakes.admission import Json, places, pod

KINDS = compile_kinds()


def _images(**spec: object) -> tuple[ImageField, ...]:
    place = Place(pointer="/spec", words="/spec", value=spec)
    return extract_images(Workload(pod_specs=(place,), image_places=(), images_required=True))


def _extract(**spec: object) -> list[tuple[str, str]]:
    return places(_images(**spec))


def _code_of_spec(**spec: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        _extract(**spec)
    return caught.value.code


def _code_of_object(kind: GroupVersionKind, document: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        extract_images(find_workload(KINDS, kind, document))
    return caught.value.code


def _nested(path: tuple[str, ...], value: object) -> Json:
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    ("group", "kind", "path"),
    [
        ("", "Pod", ("spec",)),
        ("", "PodTemplate", ("template", "spec")),
        ("", "ReplicationController", ("spec", "template", "spec")),
        ("apps", "Deployment", ("spec", "template", "spec")),
        ("apps", "ReplicaSet", ("spec", "template", "spec")),
        ("apps", "StatefulSet", ("spec", "template", "spec")),
        ("apps", "DaemonSet", ("spec", "template", "spec")),
        ("batch", "Job", ("spec", "template", "spec")),
        ("batch", "CronJob", ("spec", "jobTemplate", "spec", "template", "spec")),
    ],
)
def test_every_kind_that_runs_images_is_known(group: str, kind: str, path: tuple[str, ...]) -> None:
    gvk = GroupVersionKind(group=group, version="v1", kind=kind)
    document = {"apiVersion": gvk.api_version, "kind": kind, **_nested(path, {"containers": [{"image": "nginx"}]})}

    assert places(extract_images(find_workload(KINDS, gvk, document))) == [
        (f"/{'/'.join(path)}/containers/0/image", "nginx")
    ]


@pytest.mark.parametrize(
    "kind",
    [
        GroupVersionKind(group="rbac.authorization.k8s.io", version="v1", kind="Role"),
        GroupVersionKind(group="extensions", version="v1beta1", kind="Deployment"),
        GroupVersionKind(group="apps", version="v1", kind="Pod"),
        GroupVersionKind(group="autoscaling", version="v1", kind="Scale"),
        GroupVersionKind(group="", version="v2", kind="Pod"),
    ],
)
def test_another_kind_is_refused(kind: GroupVersionKind) -> None:
    assert _code_of_object(kind, pod("nginx")) == "kind_unsupported"
    assert [place.pointer for place in find_workload(KINDS, POD, pod("nginx")).pod_specs] == ["/spec"]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "pod",
        {},
        {"kind": "Pod"},
        {**pod("nginx"), "kind": "CronJob"},
        {**pod("nginx"), "apiVersion": "v2"},
        {**pod("nginx"), "spec": []},
    ],
)
def test_an_object_of_another_shape_than_its_kind_is_refused(document: object) -> None:
    assert _code_of_object(POD, document) == "object_malformed"


@pytest.mark.parametrize("template", [None, {}, {"spec": None}])
def test_a_template_that_is_not_there_is_refused(template: object) -> None:
    kind = GroupVersionKind(group="", version="v1", kind="ReplicationController")
    document = {"apiVersion": "v1", "kind": "ReplicationController", "spec": {"template": template}}

    assert _code_of_object(kind, document) == "no_images_found"


def test_all_four_places_are_found_in_document_order_with_duplicates() -> None:
    found = _extract(
        volumes=[{"name": "a", "emptyDir": {}}, {"image": {"reference": "models:1", "pullPolicy": "Always"}}],
        initContainers=[{"image": "init:1"}, {"image": "sidecar:1", "restartPolicy": "Always"}],
        containers=[{"image": "app:1"}, {"image": "app:1"}],
        ephemeralContainers=[{"image": "debug:1"}],
    )
    assert found == [
        ("/spec/volumes/1/image/reference", "models:1"),
        ("/spec/initContainers/0/image", "init:1"),
        ("/spec/initContainers/1/image", "sidecar:1"),
        ("/spec/containers/0/image", "app:1"),
        ("/spec/containers/1/image", "app:1"),
        ("/spec/ephemeralContainers/0/image", "debug:1"),
    ]


def test_an_image_knows_its_role_and_its_canonical_reference() -> None:
    (image,) = _images(containers=[{"image": "index.docker.io/nginx"}])

    assert image.role == "/spec/containers/*/image"
    assert str(image.reference) == "docker.io/library/nginx:latest"


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{"name": "a"}]},
        {"containers": [{"image": None}]},
        {"containers": [{"image": ""}]},
        {"containers": [{"image": "a"}], "initContainers": [{}]},
        {"containers": [{"image": "a"}], "volumes": [{"image": {}}]},
        {"containers": [{"image": "a"}], "volumes": [{"image": {"reference": ""}}]},
    ],
)
def test_a_missing_image_is_refused_and_not_skipped(spec: dict[str, object]) -> None:
    assert _code_of_spec(**spec) == "image_missing"


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": {"image": "a"}},
        {"containers": ["nginx"]},
        {"containers": [{"image": 7}]},
        {"containers": [{"image": ["nginx"]}]},
        {"containers": [{"image": "a"}], "volumes": [{"image": "nginx"}]},
        {"containers": [{"image": "a"}], "volumes": [{"image": {"reference": {}}}]},
    ],
)
def test_an_image_of_the_wrong_type_is_refused(spec: dict[str, object]) -> None:
    assert _code_of_spec(**spec) == "object_malformed"


@pytest.mark.parametrize(
    "written", [" ", " nginx", "nginx ", "Nginx", "ngin\u0445", "nginx@sha256:12", "nginx:", "https://a/b", "a b"]
)
def test_an_image_that_is_no_reference_is_refused_without_quoting_it(written: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _extract(containers=[{"image": written}])

    assert caught.value.code == "reference_malformed"
    assert caught.value.message == "/spec/containers/0/image is not an image reference"


@pytest.mark.parametrize("spec", [{}, {"containers": []}, {"containers": None}, {"volumes": [{"emptyDir": {}}]}])
def test_no_image_at_all_is_refused(spec: dict[str, object]) -> None:
    assert _code_of_spec(**spec) == "no_images_found"


@pytest.mark.parametrize(
    "extra",
    [
        {"image": "nginx"},
        {"sandbox": {"image": "nginx"}},
        {"sandbox": [[{"reference": "nginx"}]]},
        {"sandbox": {"image": ["nginx"]}},
        {"containers": [{"image": "a", "debug": {"image": "nginx"}}]},
        {"volumes": [{"csi": {"driver": "image.csi", "volumeAttributes": {"image": "nginx"}}}]},
        {"volumes": [{"rbd": {"deeper": {"image": "nginx"}}}]},
        {"a~b": {"a/b": {"image": "nginx"}}},
    ],
)
def test_an_image_at_an_unknown_place_is_refused(extra: dict[str, object]) -> None:
    assert _code_of_spec(**{"containers": [{"image": "a"}], **extra}) == "unknown_image_field"
    assert _extract(containers=[{"image": "a"}])


_SELECTOR = {"labelSelector": {"matchLabels": {"image": "x"}}}


@pytest.mark.parametrize(
    "extra",
    [
        {"nodeSelector": {"image": "x", "reference": "y"}},
        {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_SELECTOR]}}},
        {"topologySpreadConstraints": [_SELECTOR]},
        {"volumes": [{"rbd": {"image": "a Ceph block device"}}]},
        {"volumes": [{"ephemeral": {"volumeClaimTemplate": {"metadata": {"labels": {"image": "x"}}}}}]},
        {"volumes": [{"ephemeral": {"volumeClaimTemplate": {"spec": {"selector": {"matchLabels": {"image": "x"}}}}}}]},
        {"volumes": [{"projected": {"sources": [{"clusterTrustBundle": _SELECTOR}]}}]},
        {"sandbox": {"image": None}},
        {"sandbox": {"image": {"pullPolicy": "Always"}}},
    ],
)
def test_what_only_shares_the_word_is_no_image(extra: Mapping[str, object]) -> None:
    assert _extract(containers=[{"image": "a"}], **extra) == [("/spec/containers/0/image", "a")]


APP = GroupVersionKind(group="example.com", version="v1", kind="App")


def _app(*paths: str, spec: object, pod_specs: tuple[str, ...] = (), required: bool = True) -> list[tuple[str, str]]:
    custom = CustomResource(
        kind=APP,
        resource="apps",
        images=tuple(map(FieldPath.parse, paths)),
        pod_specs=tuple(map(FieldPath.parse, pod_specs)),
        images_required=required,
    )
    document = {"apiVersion": "example.com/v1", "kind": "App", "spec": spec}
    return places(extract_images(find_workload(compile_kinds([custom]), APP, document)))


def _code_of_app(*paths: str, spec: object, pod_specs: tuple[str, ...] = ()) -> str:
    with pytest.raises(InvalidInput) as caught:
        _app(*paths, spec=spec, pod_specs=pod_specs)
    return caught.value.code


def test_a_custom_resource_names_images_where_its_paths_lead() -> None:
    spec = {"steps": [{"image": "a:1"}, {"ref": "other"}], "pools": {"x": {"image": "b:1"}}, "template": pod("c:1")}

    assert _app("spec.steps[*].image", "spec.pools.*.image", spec=spec, pod_specs=("spec.template.spec",)) == [
        ("/spec/steps/0/image", "a:1"),
        ("/spec/pools/x/image", "b:1"),
        ("/spec/template/spec/containers/0/image", "c:1"),
    ]


def test_two_paths_to_one_place_name_one_image() -> None:
    paths = ("spec.steps[*].image", "spec.*[*].image")
    found = [("/spec/steps/0/image", "a:1")]

    assert _app(*paths, spec={"steps": [{"image": "a:1"}]}) == found
    assert _app("spec.containers[*].image", spec=pod("a:1")["spec"], pod_specs=("spec",)) == [
        ("/spec/containers/0/image", "a:1")
    ]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({}, "no_images_found"),
        ({"steps": []}, "no_images_found"),
        ({"steps": [{"image": ""}]}, "image_missing"),
        ({"steps": [{"image": {"name": "a"}}]}, "object_malformed"),
        ({"steps": {"image": "a"}}, "object_malformed"),
        ({"steps": [{"image": "$(params.image)"}]}, "reference_malformed"),
        ({"steps": [{"image": f"a:{number}"} for number in range(MOST_IMAGES + 1)]}, "too_many_images"),
    ],
)
def test_a_custom_resource_that_cannot_be_judged_is_refused(spec: object, code: str) -> None:
    assert _code_of_app("spec.steps[*].image", spec=spec) == code
    assert _app("spec.steps[*].image", spec={"steps": [{"image": "a:1"}]})


def test_a_pod_spec_of_a_custom_resource_hides_nothing() -> None:
    spec = {"template": {**pod("a:1")["spec"], "debug": {"image": "b:1"}}}
    assert _code_of_app(spec=spec, pod_specs=("spec.template",)) == "unknown_image_field"
    assert _code_of_app(spec={"template": {"containers": []}}, pod_specs=("spec.template",)) == "no_images_found"


def test_a_kind_that_may_refer_to_another_object_need_not_name_an_image() -> None:
    assert _app("spec.steps[*].image", spec={"taskRef": {"name": "build"}}, required=False) == []


def test_keys_that_users_choose_stay_out_of_messages_and_roles() -> None:
    custom = CustomResource(kind=APP, resource="apps", images=(FieldPath.parse("spec.pools.*.image"),))
    document = {"apiVersion": "example.com/v1", "kind": "App", "spec": {"pools": {"EVIL": {"image": "a"}}}}
    (image,) = extract_images(find_workload(compile_kinds([custom]), APP, document))

    assert (image.pointer, image.words, image.role) == (
        "/spec/pools/EVIL/image",
        "/spec/pools/*/image",
        "/spec/pools/*/image",
    )


def test_an_object_cannot_name_images_without_end() -> None:
    most = [{"image": f"nginx:{number}"} for number in range(MOST_IMAGES)]
    assert len(_extract(containers=most)) == MOST_IMAGES
    assert _code_of_spec(containers=most, initContainers=[{"image": "nginx"}]) == "too_many_images"
