"""`assay verify-bundle`."""

import hashlib
import json
import sys
from pathlib import Path

import click

from assay.cli.claim import claim_branch, rejection_branch
from assay.cli.composition import composition
from assay.cli.option import FILE, KEY, identity_options, output_option, read_identities
from assay.cli.outcome import ExitCode
from assay.cli.tree import Branch, draw
from assay.domain.digest import Digest
from assay.domain.evidence import Claim, Rejection
from assay.domain.key_uri import KeyUri
from assay.domain.limit import Limits
from assay.formats.claim import render_claim
from assay.formats.finding import render_rejection
from assay.formats.untrusted_evidence import HashName
from assay.verification.content import artefact_digest
from assay.verification.item import verify_bundle as verify_bundle_octets
from assay.verification.message import Message

_DIGEST = "sha256:"
_KEPT_OCTETS = 256 * 1024 * 1024
"""Larger files are known by their digests alone; only an Ed25519 signature over the file itself needs more."""


@click.command("verify-bundle")
@click.argument("artifact")
@click.option("--bundle", type=FILE, required=True, help="The Sigstore bundle.")
@click.option("--key", type=KEY, help="Trust this public key (PEM file, key URI).")
@identity_options
@output_option
@click.pass_context
def verify_bundle(
    ctx: click.Context,
    artifact: str,
    bundle: Path,
    key: Path | KeyUri | None,
    identity: str | None,
    issuer: str | None,
    trusted_root: Path | None,
    output: str,
) -> None:
    """Verify one Sigstore bundle about ARTIFACT, a file or sha256:HEX, offline.

    Exits with 0 only when the bundle holds: a message signature over the artefact, or a signed statement that names
    it. A key is verified without log entries unless there is a --trusted-root; an identity is judged by the
    public-good instance unless there is one. A trusted root of your own demands one of everything that it has: a log
    entry (a timestamp where it has no log) and, for certificates, an SCT.

    \b
    Examples:
      assay verify-bundle --bundle app.sigstore.json --key cosign.pub app.tar.gz
      assay verify-bundle --bundle app.sigstore.json --identity dev@example.com \\
        --issuer https://accounts.google.com sha256:…
    """
    identities = read_identities(identity, issuer)
    if (key is None) is not bool(identities):
        raise click.UsageError("name whom to trust: either --key, or --identity and --issuer")
    trust = composition(ctx).trust_from_signers(
        keys=[key] if key is not None else [], identities=identities, trusted_root=trusted_root, offline=True
    )
    artefact = read_artefact(artifact, kept_octets=_KEPT_OCTETS)
    limits = Limits()
    with bundle.open("rb") as file:
        octets = file.read(limits.blob_octets + 1)
    outcome = verify_bundle_octets(
        octets, artefact=artefact, authorities=trust.authorities, roots=trust.roots, limits=limits
    )
    digest = artefact_digest(artefact)
    click.echo(json.dumps(_render_json(digest, outcome)) if output == "json" else _render_text(digest, outcome))
    ctx.exit(ExitCode.DENY if isinstance(outcome, Rejection) else ExitCode.ALLOW)


def read_artefact(text: str, *, kept_octets: int) -> Message:
    """The artefact that is named by a digest or by the path of a file.

    A file of more than `kept_octets` bytes is known by its digests alone. Raises `InvalidInput(digest_malformed)` and
    `OSError`.
    """
    if text.startswith(_DIGEST):
        return Message.of_digest(Digest(text))
    hashes = {name: hashlib.new(name.value) for name in HashName}
    kept = bytearray()
    with Path(text).open("rb") as file:
        while chunk := file.read(1024 * 1024):
            for each in hashes.values():
                each.update(chunk)
            if len(kept) <= kept_octets:
                kept += chunk
    return Message(
        octets=bytes(kept) if len(kept) <= kept_octets else None,
        known={name: each.digest() for name, each in hashes.items()},
    )


def _render_text(digest: Digest, outcome: Claim | Rejection) -> str:
    if isinstance(outcome, Rejection):
        root = Branch(text=f"NOT VERIFIED  {digest}", below=(rejection_branch(outcome),))
    else:
        root = Branch(text=f"VERIFIED  {digest}", below=(claim_branch(outcome),))
    return draw(root, sys.stdout.encoding)


def _render_json(digest: Digest, outcome: Claim | Rejection) -> dict[str, object]:
    return {
        "artifact": digest.text,
        "verified": not isinstance(outcome, Rejection),
        "claim": None if isinstance(outcome, Rejection) else render_claim(outcome),
        "rejected": render_rejection(outcome) if isinstance(outcome, Rejection) else None,
    }
