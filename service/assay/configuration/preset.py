"""Custom resources of well-known projects, by name."""

from collections.abc import Mapping

from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import CustomResource
from assay.domain.field_path import FieldPath

_ARGO = "argoproj.io/v1alpha1"
_TEKTON = "tekton.dev/v1"
_KNATIVE = "serving.knative.dev/v1"
_KUBEVIRT = "kubevirt.io/v1"

_STEP_IMAGES = (
    "container.image",
    "script.image",
    "containerSet.containers[*].image",
    "initContainers[*].image",
    "sidecars[*].image",
    "volumes[*].image.reference",
)
_INLINE = ("steps[*][*].inline", "dag.tasks[*].inline")


def _templates(root: str, depth: int) -> tuple[str, ...]:
    """A template and those inside of its steps and tasks; the type is recursive, and a path is not."""
    inner = (found for inline in _INLINE for found in _templates(f"{root}.{inline}", depth - 1)) if depth else ()
    return (root, *inner)


_ARGO_TEMPLATES = tuple(found for root in ("templates[*]", "templateDefaults") for found in _templates(root, 2))
_WORKFLOW = (
    *(f"{template}.{image}" for template in _ARGO_TEMPLATES for image in _STEP_IMAGES),
    "volumes[*].image.reference",
)
_TASK = ("steps[*].image", "sidecars[*].image", "stepTemplate.image", "volumes[*].image.reference")
_POD_TEMPLATE = "podTemplate.volumes[*].image.reference"
_PIPELINE_TASKS = ("tasks[*]", "finally[*]")
_NESTED_TASKS = tuple(f"{outer}.pipelineSpec.{inner}" for outer in _PIPELINE_TASKS for inner in _PIPELINE_TASKS)
_PIPELINE = tuple(f"{task}.taskSpec.{image}" for task in (*_PIPELINE_TASKS, *_NESTED_TASKS) for image in _TASK)
_MACHINE = ("volumes[*].containerDisk.image", "domain.firmware.kernelBoot.container.image")


def _below(prefix: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{prefix}.{path}" for path in paths)


def _custom(
    api_version: str,
    kind: str,
    resource: str,
    *,
    images: tuple[str, ...] = (),
    pod_specs: tuple[str, ...] = (),
    images_required: bool = False,
) -> CustomResource:
    group, _, version = api_version.partition("/")
    return CustomResource(
        kind=GroupVersionKind(group=group, version=version, kind=kind),
        resource=resource,
        images=tuple(FieldPath.parse(path) for path in images),
        pod_specs=tuple(FieldPath.parse(path) for path in pod_specs),
        images_required=images_required,
    )


_JOB_METRIC = "spec.metrics[*].provider.job.spec.template.spec"

PRESETS: Mapping[str, tuple[CustomResource, ...]] = {
    "argo-rollouts": (
        # A Rollout may name the Deployment it takes its template from (`workloadRef`).
        _custom(_ARGO, "Rollout", "rollouts", pod_specs=("spec.template.spec",)),
        _custom(_ARGO, "Experiment", "experiments", pod_specs=("spec.templates[*].template.spec",)),
        _custom(_ARGO, "AnalysisTemplate", "analysistemplates", pod_specs=(_JOB_METRIC,)),
        _custom(_ARGO, "AnalysisRun", "analysisruns", pod_specs=(_JOB_METRIC,)),
    ),
    "argo-workflows": (
        # Each of them may consist of references to templates.
        _custom(_ARGO, "Workflow", "workflows", images=_below("spec", _WORKFLOW)),
        _custom(_ARGO, "WorkflowTemplate", "workflowtemplates", images=_below("spec", _WORKFLOW)),
        _custom(_ARGO, "CronWorkflow", "cronworkflows", images=_below("spec.workflowSpec", _WORKFLOW)),
    ),
    "knative": (
        _custom(_KNATIVE, "Service", "services", pod_specs=("spec.template.spec",), images_required=True),
        _custom(_KNATIVE, "Configuration", "configurations", pod_specs=("spec.template.spec",), images_required=True),
        _custom(_KNATIVE, "Revision", "revisions", pod_specs=("spec",), images_required=True),
    ),
    "kubevirt": (
        # A machine may boot from a volume.
        _custom(_KUBEVIRT, "VirtualMachineInstance", "virtualmachineinstances", images=_below("spec", _MACHINE)),
        _custom(_KUBEVIRT, "VirtualMachine", "virtualmachines", images=_below("spec.template.spec", _MACHINE)),
        _custom(
            _KUBEVIRT,
            "VirtualMachineInstanceReplicaSet",
            "virtualmachineinstancereplicasets",
            images=_below("spec.template.spec", _MACHINE),
        ),
        _custom(
            "pool.kubevirt.io/v1alpha1",
            "VirtualMachinePool",
            "virtualmachinepools",
            images=_below("spec.virtualMachineTemplate.spec.template.spec", _MACHINE),
        ),
    ),
    "tekton": (
        # A step may name a StepAction, a run a Task or a Pipeline.
        _custom(_TEKTON, "Task", "tasks", images=_below("spec", _TASK)),
        _custom(_TEKTON, "TaskRun", "taskruns", images=_below("spec", (*_below("taskSpec", _TASK), _POD_TEMPLATE))),
        _custom(_TEKTON, "Pipeline", "pipelines", images=_below("spec", _PIPELINE)),
        _custom(
            _TEKTON,
            "PipelineRun",
            "pipelineruns",
            images=_below(
                "spec",
                (
                    *_below("pipelineSpec", _PIPELINE),
                    f"taskRunTemplate.{_POD_TEMPLATE}",
                    f"taskRunSpecs[*].{_POD_TEMPLATE}",
                ),
            ),
        ),
        _custom("tekton.dev/v1beta1", "StepAction", "stepactions", images=("spec.image",), images_required=True),
    ),
}
"""By the name that the configuration uses.

Cluster-scoped kinds are not among them, for they have no namespace whose policy would apply; what they start is.
"""
