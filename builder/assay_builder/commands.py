"""`assay build`, `assay lock`, `assay fetch`."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import click

from assay.cli.option import FILE, KEY, output_option, timeout_option
from assay.cli.outcome import ExitCode, exit_code_of_verdict
from assay.domain.deadline import Deadline
from assay.domain.key_uri import KeyUri
from assay.ports import EvidenceSigner, Signer
from assay.usecases.sign import Backing, KeyEvidenceSigner
from assay_builder import composition, pipeline
from assay_builder.describe.provenance import LOCAL_BUILDER
from assay_builder.destination import Destination, destination_options
from assay_builder.locking.lock_inputs import LockParts, lock_inputs
from assay_builder.parts import CommandContext, Progress, ServiceParts
from assay_builder.pipeline import BuildParts, Publication
from assay_builder.plan.lock import render_lock
from assay_builder.plan.plan import Plan, make_plan
from assay_builder.result import describe_attested, describe_published, evidence_documents
from assay_builder.stages.attest import Attested
from assay_builder.stages.ingest import fetch_inputs

_FOLDER = click.Path(file_okay=False, path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., None])


def _cache_option(command: _Command) -> _Command:
    return click.option(
        "--cache",
        type=_FOLDER,
        envvar="ASSAY_CACHE",
        show_envvar=True,
        help="Where fetched inputs are kept, by digest.  [default: $XDG_CACHE_HOME/assay]",
    )(command)


def _scratch_option(command: _Command) -> _Command:
    return click.option(
        "--scratch",
        type=_FOLDER,
        envvar="ASSAY_SCRATCH",
        show_envvar=True,
        help="Where builds happen; 1 GB that others may enter.  [default: the system's temporary folder]",
    )(command)


def _lock_option(command: _Command) -> _Command:
    return click.option(
        "--lock",
        "lock_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The lock.  [default: SPEC with the ending .lock.json]",
    )(command)


@click.command()
@click.argument("spec", type=FILE)
@_lock_option
@_cache_option
@_scratch_option
@output_option
def lock(spec: Path, lock_file: Path | None, cache: Path | None, scratch: Path | None, output: str) -> None:
    """Find every input of SPEC, prove it, and pin it by SHA-256 in the lock.

    The toolchain and the source must be what the Go checksum database records, every module what the source's go.sum
    records. Files come from the module proxy that GOPROXY names.

    \b
    Example:
      assay lock examples/age/assay.yaml
    """
    parts = LockParts(
        fetcher=composition.compose_fetcher(),
        store=composition.compose_store(cache),
        sandbox=composition.compose_sandbox(scratch),
        progress=_progress(output),
        checksum_database=composition.compose_checksum_database(),
    )
    target = lock_file or _default_lock(spec)
    octets = render_lock(locked := lock_inputs(spec.read_bytes(), parts))
    target.write_bytes(octets)
    _show(output, {"lock": str(target), "spec": str(locked.spec), "inputs": len(locked.inputs)})


@click.command()
@click.argument("spec", type=FILE)
@_lock_option
@_cache_option
@output_option
def fetch(spec: Path, lock_file: Path | None, cache: Path | None, output: str) -> None:
    """Fetch every locked input of SPEC, each checked by its SHA-256, so that a later build needs no network.

    \b
    Example:
      assay fetch examples/age/assay.yaml
    """
    plan = _read_plan(spec, lock_file)
    fetcher, store = composition.compose_fetcher(), composition.compose_store(cache)
    fetch_inputs(plan, fetcher=fetcher, store=store, progress=_progress(output))
    _show(output, {"lock": str(plan.lock_digest), "inputs": len(plan.lock.inputs)})


@click.command()
@click.argument("spec", type=FILE)
@_lock_option
@click.option("--key", type=KEY, help="Private key file or key URI; password in ASSAY_KEY_PASSWORD.")
@click.option("--signer", metavar="unix:PATH", help="Let the signer process on this socket sign (assay signer serve).")
@click.option("--signing-config", type=FILE, help="Logs and timestamp authorities for every signature (JSON).")
@click.option("--trusted-root", type=FILE, help="What these services are judged by (trusted_root.json).")
@click.option("--layout", type=_FOLDER, help="Write an OCI layout here, and SBOMs and provenance to LAYOUT.evidence.")
@destination_options
@click.option("--builder-id", default=LOCAL_BUILDER, show_default=True, metavar="URI", help="Who the provenance names.")
@_cache_option
@_scratch_option
@output_option
@timeout_option
@click.pass_context
def build(
    ctx: click.Context,
    spec: Path,
    lock_file: Path | None,
    key: Path | KeyUri | None,
    signer: str | None,
    signing_config: Path | None,
    trusted_root: Path | None,
    layout: Path | None,
    destination: Destination,
    builder_id: str,
    cache: Path | None,
    scratch: Path | None,
    output: str,
    timeout: float,
) -> None:
    """Build the image of SPEC from its locked inputs, describe it, sign it, and publish it when the gate allows.

    The build has no network and an empty compiler cache. Without --gate nothing is pushed.

    \b
    Examples:
      assay build examples/age/assay.yaml --key cosign.key --layout age
      assay build examples/age/assay.yaml --key cosign.key --gate http://127.0.0.1:8700 --push registry.example/age
    """
    service = cast("CommandContext", ctx.obj).builder_parts()
    plan = _read_plan(spec, lock_file)
    if layout is None and destination.gate_url is None:
        raise click.UsageError("name --layout, --gate or both: the result has to go somewhere")
    publication = destination.open(service, plan, timeout)
    backing = _open_backing(service, signing_config, trusted_root, timeout)
    chosen = KeyEvidenceSigner(_open_signer(service, key, signer), backing)
    parts = _build_parts(service, chosen, builder_id, cache, scratch, _progress(output))
    attested = pipeline.build(plan, parts)
    if layout is not None:
        _write(attested, layout)
    if publication is None:
        _show(output, describe_attested(attested))
        return
    ctx.exit(_publish(attested, publication, parts, no_push=destination.no_push, output=output))


def _publish(
    attested: Attested, publication: Publication, parts: BuildParts, *, no_push: bool, output: str
) -> ExitCode:
    gated = pipeline.ask_gate(attested, publication, parts)
    published = pipeline.publish_allowed(gated, publication, parts) if gated.allowed and not no_push else None
    _show(output, describe_published(gated, published))
    return exit_code_of_verdict(gated.answer.verdict, retryable=gated.answer.retryable)


def _build_parts(
    service: ServiceParts,
    signer: EvidenceSigner,
    builder_id: str,
    cache: Path | None,
    scratch: Path | None,
    progress: Progress,
) -> BuildParts:
    return BuildParts(
        clock=service.clock(),
        fetcher=composition.compose_fetcher(),
        store=composition.compose_store(cache),
        sandbox=composition.compose_sandbox(scratch),
        signer=signer,
        texts=composition.load_licence_texts(),
        identity=composition.compose_identity(builder_id),
        progress=progress,
    )


def _open_backing(
    service: ServiceParts, signing_config: Path | None, trusted_root: Path | None, seconds: float
) -> Backing | None:
    if signing_config is None and trusted_root is None:
        return None
    if signing_config is None or trusted_root is None:
        raise click.UsageError("--signing-config and --trusted-root belong together")
    monotonic = service.clock().monotonic
    return service.backing(
        signing_config=signing_config, trusted_root=trusted_root, begin=lambda: Deadline.after(seconds, monotonic)
    )


def _open_signer(service: ServiceParts, key: Path | KeyUri | None, signer: str | None) -> Signer:
    if key is not None and signer is None:
        return service.signer(key, password=os.environ.get("ASSAY_KEY_PASSWORD", "").encode())
    path = (signer or "").removeprefix("unix:")
    if key is not None or not path or path == signer:
        raise click.UsageError("name who signs: either --key, or --signer unix:PATH")
    return service.signer_process(Path(path))


def _read_plan(spec: Path, lock_file: Path | None) -> Plan:
    return make_plan(spec.read_bytes(), (lock_file or _default_lock(spec)).read_bytes())


def _default_lock(spec: Path) -> Path:
    return spec.with_suffix(".lock.json")


def _write(attested: Attested, layout: Path) -> None:
    writer = composition.compose_layout_writer()
    writer.write(layout, attested.isolated.image, [(item.referrer, item.blobs) for item in attested.bundles])
    writer.write_documents(layout.with_name(f"{layout.name}.evidence"), evidence_documents(attested))


def _progress(output: str) -> Progress:
    """Steps go to standard error when standard output is one JSON document."""
    return lambda title, proved: click.echo(f"{title:<10} {proved}", err=output == "json")


def _show(output: str, result: dict[str, object]) -> None:
    if output == "json":
        click.echo(json.dumps(result))
        return
    for name, value in result.items():
        shown = ", ".join(str(item) for item in value) if isinstance(value, list) else value
        click.echo(f"{name:<10} {shown}")
