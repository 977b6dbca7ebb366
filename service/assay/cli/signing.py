"""What the commands that sign have in common: who signs, in which form, and what is told afterwards."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import click

from assay.cli.composition import Composition
from assay.cli.option import FILE, KEY
from assay.cli.packed import packed
from assay.domain.deadline import Deadline
from assay.domain.key_uri import KeyUri
from assay.ports import EvidenceSigner, WritableRegistry
from assay.usecases.attach import Attached, Desk, Form
from assay.usecases.sign import KeyEvidenceSigner
from assay.usecases.target import Place

_LARGEST_KEY = 64 * 1024
_LONGEST_TOKEN = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """The options that say who signs."""

    key: Path | KeyUri | None
    keyless: bool
    signing_config: Path | None
    trusted_root: Path | None
    identity_token: TextIO | None

    def open(self, parts: Composition, deadline: Deadline) -> EvidenceSigner:
        """Whoever signs; raises `click.UsageError` unless exactly one is named."""
        if self.keyless is (self.key is not None):
            raise click.UsageError("name who signs: either --key or --keyless")
        if self.key is not None:
            return self._open_key(parts, self.key, deadline)
        if self.signing_config is None or self.trusted_root is None:
            raise click.UsageError("--keyless needs --signing-config and --trusted-root")
        return parts.keyless_signer(
            signing_config=self.signing_config,
            trusted_root=self.trusted_root,
            token=self.identity_token.read(_LONGEST_TOKEN) if self.identity_token is not None else None,
            login=sys.stdin.isatty() and sys.stderr.isatty(),
            deadline=deadline,
        )

    def _open_key(self, parts: Composition, key: Path | KeyUri, deadline: Deadline) -> EvidenceSigner:
        if self.identity_token:
            raise click.UsageError("--identity-token belongs to --keyless")
        if self.signing_config is None and self.trusted_root is None:
            return KeyEvidenceSigner(parts.signer(key, password=_read_password(key)))
        if self.signing_config is None or self.trusted_root is None:
            raise click.UsageError("--signing-config and --trusted-root belong together")
        backing = parts.backing(
            signing_config=self.signing_config, trusted_root=self.trusted_root, begin=lambda: deadline
        )
        return KeyEvidenceSigner(parts.signer(key, password=_read_password(key)), backing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing(Signatory):
    """The options that say who signs and what is written."""

    legacy: bool

    def desk(self, parts: Composition, signer: EvidenceSigner, registry: WritableRegistry, place: Place) -> Desk:
        """Everything that attaching needs."""
        return Desk(
            registry=registry,
            place=place,
            signer=signer,
            created=parts.clock().now(),
            form=Form.LEGACY if self.legacy else Form.REFERRER,
        )


_WHO = (
    click.option("--key", type=KEY, help="Private key (file, key URI); a file's password in ASSAY_KEY_PASSWORD."),
    click.option("--keyless", is_flag=True, help="Sign with a certificate for who you are (OIDC)."),
    click.option("--signing-config", type=FILE, help="The CA, logs and timestamp authorities to sign with (JSON)."),
    click.option("--trusted-root", type=FILE, help="What these services are judged by (trusted_root.json)."),
    click.option(
        "--identity-token",
        type=click.File("r"),
        metavar="FILE|-",
        help="OIDC token.  [default: that of the CI job; at a terminal, log in with a browser]",
    ),
)
signatory_options = packed("signatory", Signatory, _WHO)
signing_options = packed(
    "signing",
    Signing,
    (
        *_WHO,
        click.option("--legacy", is_flag=True, help="Write a layer under the .sig or .att tag instead of a referrer."),
    ),
)


def _read_password(key: Path | KeyUri) -> bytes:
    """ASSAY_KEY_PASSWORD; without it, that of an encrypted file is asked for at a terminal and is empty elsewhere."""
    password = os.environ.get("ASSAY_KEY_PASSWORD")
    if password is None and sys.stdin.isatty() and isinstance(key, Path) and _is_encrypted(key):
        password = str(click.prompt(f"Password of {key}", hide_input=True, default="", show_default=False))
    return (password or "").encode()


def _is_encrypted(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"ENCRYPTED" in file.read(_LARGEST_KEY)
    except OSError:
        return False


def show_attached(image: str, attached: Sequence[Attached], output: str) -> None:
    """Print what was attached, once everything is."""
    if output == "json":
        click.echo(json.dumps({"image": image, "attached": [_render(item) for item in attached]}))
        return
    from assay.cli.claim import claim_branch
    from assay.cli.tree import Branch, draw

    stored = [
        Branch(
            text=f"attached to {item.subject}",
            below=(
                claim_branch(item.claim),
                Branch(text=f"stored {f'under the tag {item.tag} in' if item.tag else 'as referrer'} {item.manifest}"),
            ),
        )
        for item in attached
    ]
    click.echo(draw(Branch(text=f"SIGNED  {image}", below=tuple(stored)), sys.stdout.encoding))


def _render(item: Attached) -> dict[str, object]:
    from assay.formats.claim import render_claim

    return {
        "subject": item.subject.text,
        "manifest": item.manifest.text,
        "tag": item.tag,
        "claim": render_claim(item.claim),
    }
