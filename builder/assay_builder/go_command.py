"""Arguments of the go command, and what its status means."""

from assay.domain.errors import InvalidInput
from assay_builder.confinement import Completed
from assay_builder.plan.spec import Spec


def package_paths(spec: Spec) -> list[str]:
    """The import paths of the main packages."""
    return [package.path for package in spec.packages]


def build_tags(spec: Spec) -> list[str]:
    """The arguments for the build tags."""
    return [f"-tags={','.join(spec.tags)}"] if spec.tags else []


def succeed(completed: Completed) -> Completed:
    """The command again when its status is 0; `InvalidInput(build_failed)` with the end of its log otherwise."""
    if completed.status == 0:
        return completed
    log = " ".join(completed.log.decode("utf-8", "replace").split())
    raise InvalidInput(
        "build_failed",
        f"{' '.join(completed.command[:2])} ended with {completed.status}: {log[-500:]}",
        remedy="correct the specification, or choose a version that builds",
    )
