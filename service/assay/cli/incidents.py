"""`assay incidents`."""

import json
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import configuration_option, output_option
from assay.cli.render import safe_text
from assay.domain.incident import Incident, IncidentKind
from assay.domain.reference import Reference
from assay.formats.incident import describe_incident


@click.group()
def incidents() -> None:
    """Look at immutable tags that moved, and accept a move.

    A tag that `immutable_tags` covers stands for the digest that was first seen under it. Under another digest it is
    denied until somebody accepts the move; the digest itself, named without the tag, is judged as any other.
    """


@incidents.command()
@configuration_option
@output_option
@click.pass_context
def show(ctx: click.Context, configuration: Path, output: str) -> None:
    """Show what happened to immutable tags, in its order.

    \b
    Examples:
      assay incidents show --config assay.yaml
      assay incidents show --config assay.yaml --output json
    """
    found = composition(ctx).tag_book(configuration).incidents()
    if output == "json":
        click.echo(json.dumps({"incidents": [describe_incident(item) for item in found]}))
    else:
        click.echo("\n".join(map(_line, found)) or "no immutable tag has moved")


@incidents.command()
@click.argument("image", metavar="REPOSITORY:TAG@DIGEST")
@configuration_option
@click.option("--by", required=True, help="Who accepts it.")
@click.option("--reason", required=True, help="One line for whoever reads the record later.")
@click.pass_context
def accept(ctx: click.Context, image: str, configuration: Path, by: str, reason: str) -> None:
    """Let a tag stand for the digest that it moved to, beside the one that it had; for good.

    It counts from now on in every worker. The log and the owner of the tag hear of it from the running service.

    \b
    Example:
      assay incidents accept --config assay.yaml --by alice --reason "CHG-12: rebuilt" registry.example/app:v1@sha256:…
    """
    parts = composition(ctx)
    accepted = parts.tag_book(configuration).accept(
        Reference.parse(image), by=by, reason=reason, at=parts.clock().now()
    )
    click.echo(_line(accepted))


def _line(incident: Incident) -> str:
    what = f"{incident.at:%Y-%m-%dT%H:%M:%SZ}  {incident.kind.value:<12} {incident.reference}"
    if incident.kind is IncidentKind.MOVED:
        return f"{what}  was {incident.known}, seen by {incident.by}"
    return safe_text(f"{what}  by {incident.by}: {incident.reason}")
