"""`assay keys`."""

import json
import os
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import KEY, output_option
from assay.domain.key_kind import KeyKind
from assay.domain.key_uri import KeyUri

_PASSWORD = "ASSAY_KEY_PASSWORD"  # noqa: S105  # the name of the variable


@click.group()
def keys() -> None:
    """Make signing keys, and show the public half of any key."""


@keys.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Where cosign.key and cosign.pub are written; existing files are never overwritten.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in KeyKind]),
    default=KeyKind.ECDSA_P256.value,
    show_default=True,
    help="Algorithm and size of the key.",
)
@click.pass_context
def generate(ctx: click.Context, folder: Path, kind: str) -> None:
    """Make a key pair in cosign's format.

    The private key is encrypted with the password in ASSAY_KEY_PASSWORD (it may be empty), which is asked for at a
    terminal when the variable is not set.

    \b
    Examples:
      ASSAY_KEY_PASSWORD= assay keys generate --folder keys
      assay keys generate --kind ed25519
    """
    password = os.environ.get(_PASSWORD)
    if password is None:
        password = click.prompt("Password for the private key", hide_input=True, confirmation_prompt=True, default="")
    private, public = composition(ctx).generate_keys(folder, password.encode(), KeyKind(kind))
    click.echo(f"private key: {private} (encrypted; keep it secret)")
    click.echo(f"public key:  {public}")


@keys.command()
@click.argument("key", type=KEY)
@output_option
@click.pass_context
def show(ctx: click.Context, key: Path | KeyUri, output: str) -> None:
    """Show what KEY is, a file (public or private) or a key URI: its id, its algorithm, its public half.

    The id is the SHA-256 of the public key (SubjectPublicKeyInfo); the hint is the same as bundles spell it.

    \b
    Examples:
      assay keys show cosign.pub
      assay keys show awskms:///alias/release --output json
    """
    from assay.formats.base64text import encode_base64
    from assay.formats.public_key import render_public_key
    from assay.formats.signing_key import signature_algorithm

    public_key = composition(ctx).public_key(key, password=_read_password)
    pem = render_public_key(public_key).decode("ascii")
    shown = {
        "key_id": public_key.key_id.text,
        "algorithm": signature_algorithm(public_key).value,
        "hint": encode_base64(public_key.key_id.octets),
    }
    if output == "json":
        click.echo(json.dumps({**shown, "public_key": pem}))
        return
    for name, value in shown.items():
        click.echo(f"{name:<10} {value}")
    click.echo(pem, nl=False)


@keys.command()
@click.argument("key", type=KEY)
@click.pass_context
def public(ctx: click.Context, key: Path | KeyUri) -> None:
    """Print the public half of KEY, a file or a key URI, in PEM: what others need to verify.

    \b
    Example:
      assay keys public hashivault://release > cosign.pub
    """
    from assay.formats.public_key import render_public_key

    public_key = composition(ctx).public_key(key, password=_read_password)
    click.echo(render_public_key(public_key).decode("ascii"), nl=False)


def _read_password() -> bytes:
    password = os.environ.get(_PASSWORD)
    if password is None:
        password = str(click.prompt("Password of the private key", hide_input=True, default="", err=True))
    return password.encode()
