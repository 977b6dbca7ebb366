"""`assay serve` and the process it starts."""

from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import configuration_option


@click.command()
@configuration_option
@click.pass_context
def serve(ctx: click.Context, configuration: Path) -> None:
    """Run the verification service and, when configured, the admission webhook.

    One supervisor starts OPA, the sequencer (which alone writes the decision log) and the web servers, restarts what
    ends, and takes all of them with it. Addresses are printed and written to `endpoints.json` in the state folder.
    SIGTERM finishes the requests in flight.

    \b
    Example:
      assay serve --config examples/configuration/assay.yaml
    """
    composition(ctx).serve(configuration, click.echo)


@click.command(hidden=True)
@configuration_option
@click.pass_context
def sequencer(ctx: click.Context, configuration: Path) -> None:
    """Run the process that alone writes the decision log; `assay serve` starts it."""
    composition(ctx).run_sequencer(configuration)


@click.command(hidden=True)
@configuration_option
@click.pass_context
def refresher(ctx: click.Context, configuration: Path) -> None:
    """Run the process that keeps trust roots up to date; `assay serve` starts it."""
    composition(ctx).run_refresher(configuration)


@click.command(hidden=True)
@click.pass_context
def prewarmer(ctx: click.Context) -> None:
    """Run the process that verifies images before anybody asks; `assay serve` starts it."""
    composition(ctx).run_prewarmer()
