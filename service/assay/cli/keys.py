"""`assay keys`."""

import os
from pathlib import Path

import click

from assay.cli.composition import composition


@click.group()
def keys() -> None:
    """Make signing keys."""


@keys.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Where cosign.key and cosign.pub are written; existing files are never overwritten.",
)
@click.pass_context
def generate(ctx: click.Context, folder: Path) -> None:
    """Make an ECDSA P-256 key pair in cosign's format.

    The private key is encrypted with the password in ASSAY_KEY_PASSWORD (it may be empty), which is asked for at a
    terminal when the variable is not set.

    \b
    Example:
      ASSAY_KEY_PASSWORD= assay keys generate --folder keys
    """
    password = os.environ.get("ASSAY_KEY_PASSWORD")
    if password is None:
        password = click.prompt("Password for the private key", hide_input=True, confirmation_prompt=True, default="")
    private, public = composition(ctx).generate_keys(folder, password.encode())
    click.echo(f"private key: {private} (encrypted; keep it secret)")
    click.echo(f"public key:  {public}")
