"""`assay attach`."""

import json
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.image_source import ImageSource, make_place, source_options, start_clock
from assay.cli.option import FILE, output_option, timeout_option


@click.group()
def attach() -> None:
    """Attach documents that nobody signs."""


@attach.command()
@click.argument("image", required=False)
@click.option("--sbom", "document", type=FILE, required=True, help="The SBOM: SPDX or CycloneDX, JSON.")
@source_options
@output_option
@timeout_option
@click.pass_context
def sbom(
    ctx: click.Context, image: str | None, document: Path, source: ImageSource, output: str, timeout: float
) -> None:
    """Attach an SBOM to IMAGE without a signature.

    Scanners find it; for Assay it is no evidence, and `assay verify` and `assay gate` report it as unsigned. To make
    it evidence, attest it: `assay attest --type spdxjson`.

    \b
    Example:
      assay attach sbom --sbom sbom.spdx.json registry.example/app@sha256:…
    """
    from assay.usecases.attach import attach_document
    from assay.usecases.target import find_targets

    parts = composition(ctx)
    deadline = start_clock(parts, timeout)
    registry, reference = source.open_writable(parts, image)
    place = make_place(reference, deadline)
    pinned, (target,) = find_targets(registry, reference, place, recursive=False)
    attached = attach_document(registry, place, target, document.read_bytes(), parts.clock().now())
    if output == "json":
        told = {"image": str(pinned), "manifest": attached.digest.text, "type": attached.artifact_type, "signed": False}
        click.echo(json.dumps(told))
        return
    click.echo(f"ATTACHED  {pinned}")
    click.echo(f"  {attached.artifact_type} as referrer {attached.digest}; unsigned: it is no evidence")
