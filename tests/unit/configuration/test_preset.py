"""The presets find the images of real objects of their projects."""

from typing import Any

import pytest

from assay.configuration.preset import PRESETS
from assay_webhooks.workloads import compile_kinds, extract_images, find_workload

KINDS = compile_kinds(custom for preset in PRESETS.values() for custom in preset)
SPEC = {"containers": [{"name": "app", "image": "a:1"}], "initContainers": [{"name": "init", "image": "b:1"}]}
TASK = {
    "steps": [{"name": "build", "image": "a:1"}, {"name": "shared", "ref": {"name": "push"}}],
    "sidecars": [{"image": "b:1"}],
    "stepTemplate": {"image": "c:1"},
    "volumes": [{"name": "v", "image": {"reference": "d:1"}}, {"name": "e", "emptyDir": {}}],
}
NESTED = {
    "tasks": [{"taskSpec": {"sidecars": [{"image": "f:1"}]}}, {"pipelineRef": {"name": "x"}}],
    "finally": [{"taskSpec": {"steps": [{"image": "g:1"}]}}],
}
PIPELINE = {
    "tasks": [{"taskSpec": TASK}, {"taskRef": {"name": "x"}}, {"pipelineSpec": NESTED}],
    "finally": [{"taskSpec": {"steps": [{"image": "e:1"}]}}],
}
WORKFLOW = {
    "templateDefaults": {"container": {"image": "a:1"}},
    "volumes": [{"image": {"reference": "b:1"}}],
    "templates": [
        {"container": {"image": "c:1"}, "initContainers": [{"image": "d:1"}], "sidecars": [{"image": "e:1"}]},
        {"script": {"image": "f:1"}, "volumes": [{"image": {"reference": "g:1"}}]},
        {"containerSet": {"containers": [{"image": "h:1"}, {"image": "i:1"}]}},
        {"steps": [[{"template": "x"}, {"inline": {"container": {"image": "j:1"}}}]]},
        {"dag": {"tasks": [{"inline": {"script": {"image": "k:1"}}}]}},
        {"steps": [[{"inline": {"dag": {"tasks": [{"inline": {"sidecars": [{"image": "l:1"}]}}]}}}]]},
        # None of these names an image of its own: the executor runs them, or what they create is judged.
        {"resource": {"action": "create", "manifest": "kind: Pod"}, "suspend": {}},
        {"data": {"source": {}, "transformation": [{"expression": "x"}]}, "http": {"url": "x"}, "plugin": {"x": {}}},
    ],
}
MACHINE = {
    "volumes": [{"containerDisk": {"image": "a:1"}}, {"persistentVolumeClaim": {"claimName": "x"}}],
    "domain": {"firmware": {"kernelBoot": {"container": {"image": "b:1"}}}},
}
JOB = {"metrics": [{"provider": {"job": {"spec": {"template": {"spec": SPEC}}}}}, {"provider": {"web": {}}}]}
ARGO, TEKTON, KNATIVE, KUBEVIRT = "argoproj.io/v1alpha1", "tekton.dev/v1", "serving.knative.dev/v1", "kubevirt.io/v1"

OBJECTS: list[tuple[str, str, dict[str, Any], str]] = [
    (ARGO, "Rollout", {"template": {"spec": SPEC}}, "ab"),
    (ARGO, "Experiment", {"templates": [{"template": {"spec": SPEC}}, {"template": {"spec": SPEC}}]}, "aabb"),
    (ARGO, "AnalysisTemplate", JOB, "ab"),
    (ARGO, "AnalysisRun", JOB, "ab"),
    (ARGO, "Workflow", WORKFLOW, "abcdefghijkl"),
    (ARGO, "WorkflowTemplate", WORKFLOW, "abcdefghijkl"),
    (ARGO, "CronWorkflow", {"workflowSpec": WORKFLOW}, "abcdefghijkl"),
    (KNATIVE, "Service", {"template": {"spec": SPEC}}, "ab"),
    (KNATIVE, "Configuration", {"template": {"spec": SPEC}}, "ab"),
    (KNATIVE, "Revision", {**SPEC, "containerConcurrency": 0}, "ab"),
    (KUBEVIRT, "VirtualMachine", {"template": {"spec": MACHINE}}, "ab"),
    (KUBEVIRT, "VirtualMachineInstance", MACHINE, "ab"),
    (KUBEVIRT, "VirtualMachineInstanceReplicaSet", {"template": {"spec": MACHINE}}, "ab"),
    (
        "pool.kubevirt.io/v1alpha1",
        "VirtualMachinePool",
        {"virtualMachineTemplate": {"spec": {"template": {"spec": MACHINE}}}},
        "ab",
    ),
    (TEKTON, "Task", TASK, "abcd"),
    (TEKTON, "TaskRun", {"taskSpec": TASK, "podTemplate": {"volumes": [{"image": {"reference": "e:1"}}]}}, "abcde"),
    (TEKTON, "Pipeline", PIPELINE, "abcdefg"),
    (TEKTON, "PipelineRun", {"pipelineSpec": PIPELINE}, "abcdefg"),
    ("tekton.dev/v1beta1", "StepAction", {"image": "a:1"}, "a"),
]


def _images(api_version: str, kind: str, spec: dict[str, Any]) -> str:
    group, _, version = api_version.partition("/")
    (gvk,) = (known for known in KINDS if (known.group, known.version, known.kind) == (group, version, kind))
    found = extract_images(find_workload(KINDS, gvk, {"apiVersion": api_version, "kind": kind, "spec": spec}))
    return "".join(sorted(image.written.removesuffix(":1") for image in found))


@pytest.mark.parametrize(("api_version", "kind", "spec", "images"), OBJECTS)
def test_every_image_of_an_object_is_found(api_version: str, kind: str, spec: dict[str, Any], images: str) -> None:
    assert _images(api_version, kind, spec) == images


def test_every_kind_of_every_preset_is_tried() -> None:
    expected = {(custom.kind.api_version, custom.kind.kind) for preset in PRESETS.values() for custom in preset}
    assert {(api_version, kind) for api_version, kind, _, _ in OBJECTS} == expected


def test_no_two_presets_describe_one_kind() -> None:
    kinds = [custom.kind for preset in PRESETS.values() for custom in preset]
    assert len(set(kinds)) == len(kinds)
