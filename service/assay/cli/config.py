"""`assay config`."""

import json
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import FILE, output_option


@click.group()
def config() -> None:
    """Look at configuration files."""


@config.command()
@click.argument("file", type=FILE)
@output_option
@click.pass_context
def check(ctx: click.Context, file: Path, output: str) -> None:
    """Check a configuration FILE and everything it names: keys, policies, rule data, the OPA binary.

    Exits with 0 when the service could start with it, else with 2 and the place to correct.

    \b
    Example:
      assay config check examples/configuration/assay.yaml
    """
    parts = composition(ctx).inspect_configuration(file)
    if output == "json":
        click.echo(json.dumps({"usable": True, "parts": [{"part": part, "found": found} for part, found in parts]}))
        return
    for part, found in parts:
        click.echo(f"{part:<14} {found}")
    click.echo("the configuration is usable")
