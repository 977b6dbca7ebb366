"""Provenance: what an image was built from, how, and by whom (https://slsa.dev/spec/v1.0/provenance)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.domain.digest import Digest
from assay_builder.confinement import NetworkProof, SandboxIdentity
from assay_builder.image.layer import COMPRESSION_LEVEL, COMPRESSOR
from assay_builder.plan.lock import InputKind, LockedInput
from assay_builder.plan.plan import Plan

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://assay.dev/buildtypes/go-image/v1"
"""Described in docs/buildtypes/go-image-v1.md."""

LOCAL_BUILDER = "https://assay.dev/builders/local/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRun:
    """How a build went: who ran it, when (aware times), in which sandbox, with which zlib; digests of by-products."""

    builder: str
    builder_version: str
    invocation: str
    started: datetime
    finished: datetime
    sandbox: SandboxIdentity
    network: NetworkProof
    zlib_version: str
    byproducts: tuple[tuple[str, Digest], ...]


def render_provenance(plan: Plan, run: BuildRun) -> dict[str, object]:
    """The predicate: `resolvedDependencies` lists every locked input, the one named `source` is the program's."""
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": _external(plan),
            "internalParameters": _internal(plan, run),
            "resolvedDependencies": [_dependency(item) for item in plan.lock.inputs],
        },
        "runDetails": {
            "builder": {"id": run.builder, "version": {"assay": run.builder_version}},
            "metadata": {
                "invocationId": run.invocation,
                "startedOn": _time(run.started),
                "finishedOn": _time(run.finished),
            },
            "byproducts": _byproducts(run.byproducts),
        },
    }


def _external(plan: Plan) -> dict[str, object]:
    return {
        "spec": {"sha256": plan.spec_digest.hex},
        "lock": {"sha256": plan.lock_digest.hex},
        "source": plan.spec.source.purl,
        "packages": [{"package": item.path, "output": item.output} for item in plan.spec.packages],
        "environment": plan.spec.environment,
    }


def _internal(plan: Plan, run: BuildRun) -> dict[str, object]:
    return {
        "sandbox": {
            "engine": run.sandbox.engine,
            "version": run.sandbox.version,
            "isolation": {"sha256": run.sandbox.arguments.hex},
            "network": {
                "interfaces": [name for name, _ in run.network.interfaces],
                "packets": sum(count for _, count in run.network.interfaces),
                "routes": list(run.network.routes),
            },
        },
        "compressor": {"name": COMPRESSOR, "version": run.zlib_version, "level": COMPRESSION_LEVEL},
        "layout": "path-sorted",
        "sourceDateEpoch": plan.spec.epoch,
    }


def _dependency(item: LockedInput) -> dict[str, object]:
    name = item.kind.value if item.kind in {InputKind.SOURCE, InputKind.TOOLCHAIN} else item.name
    uri = item.module.purl + ("#go.mod" if item.kind is InputKind.MODULE_FILE else "")
    return {"name": name, "uri": uri, "digest": {"sha256": item.digest.hex}, "annotations": {"h1": item.h1}}


def _byproducts(byproducts: Sequence[tuple[str, Digest]]) -> list[dict[str, object]]:
    return [{"name": name, "digest": {"sha256": digest.hex}} for name, digest in byproducts]


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
