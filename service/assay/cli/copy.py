"""`assay copy`."""

import json
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.image_source import make_place, start_clock
from assay.cli.option import output_option, registry_options, timeout_option


@click.command()
@click.argument("source")
@click.argument("target")
@registry_options
@output_option
@timeout_option
@click.pass_context
def copy(
    ctx: click.Context,
    source: str,
    target: str,
    plain_http: tuple[str, ...],
    token_hosts: tuple[tuple[str, str], ...],
    registry_ca: Path | None,
    output: str,
    timeout: float,
) -> None:
    """Copy the image or index SOURCE to TARGET with everything that speaks about it.

    Every platform, every referrer and what refers to it, signatures and attestations under legacy tags; digests stay.
    TARGET's tag appears last, so that nobody sees it without the evidence; what the target has already stays.

    \b
    Example:
      assay copy --timeout 300 registry.example/app:1.0 mirror.example/app:1.0
    """
    from assay.domain.reference import Reference
    from assay.usecases.copy import Route, copy_image
    from assay.usecases.resolve import resolve

    parts = composition(ctx)
    deadline = start_clock(parts, timeout)
    origin, destination = Reference.parse(source), Reference.parse(target)
    registry = parts.copying_registry(plain_http=plain_http, ca=registry_ca, token_hosts=token_hosts)
    root = resolve(registry, origin, deadline).manifest
    if destination.digest not in {None, root.digest}:
        raise click.UsageError(f"{source} is {root.digest}, which {target} cannot be the name of")
    route = Route(
        source=registry,
        origin=make_place(origin, deadline),
        target=registry,
        destination=make_place(destination, deadline),
        carrier=registry,
    )
    copied = copy_image(route, root, tag=destination.tag)
    pinned = destination.pinned(root.digest)
    if output == "json":
        manifests = [digest.text for digest in copied.manifests]
        click.echo(json.dumps({"image": str(pinned), "manifests": manifests, "tags": list(copied.tags)}))
        return
    click.echo(f"COPIED  {pinned}")
    click.echo(f"  {len(copied.manifests)} manifests; tags: {', '.join(copied.tags) or 'none'}")
