"""`assay signer`."""

from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import FILE


@click.group()
def signer() -> None:
    """Keep a signing key in a process of its own."""


@signer.command()
@click.option("--config", "configuration", type=FILE, required=True, help="The signer's configuration file.")
@click.pass_context
def serve(ctx: click.Context, configuration: Path) -> None:
    """Run a signer process: it holds the key, and builds ask it over a unix socket.

    It is given complete messages, reads each, signs only what its configuration allows (predicate types, builders), for
    the users it names, and logs every signature before it hands it out. Start it as a user of its own. The key's
    password comes from ASSAY_KEY_PASSWORD. SIGTERM finishes the calls in flight.

    \b
    Example:
      assay signer serve --config examples/signer/signer.yaml
    """
    composition(ctx).serve_signer(configuration, click.echo)
