"""`assay verify`."""

import json
from pathlib import Path

import click

from assay.cli.composition import Composition, composition
from assay.cli.option import FILE, identity_options, output_option, read_identities, timeout_option
from assay.cli.outcome import ExitCode
from assay.domain.deadline import Deadline
from assay.domain.evidence import GapKind
from assay.domain.reason import is_retryable
from assay.domain.reference import Reference, Repository
from assay.ports import Registry
from assay.usecases.verify_image import Verification, verify_image

_LAYOUT_NAME = "layout.invalid/image"
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("image", required=False)
@click.option("--key", "keys", type=FILE, multiple=True, help="Trust this public key (PEM); may be repeated.")
@identity_options
@click.option("--config", "configuration", type=FILE, help="Trust the authorities of this configuration file.")
@click.option("--layout", type=FOLDER, help="Read the image from this OCI layout instead of a registry.")
@click.option("--plain-http", multiple=True, metavar="HOST", help="Speak plain http to this registry host.")
@click.option("--registry-ca", type=FILE, help="PEM file of the CA behind the registry's certificate.")
@output_option
@timeout_option
@click.pass_context
def verify(
    ctx: click.Context,
    image: str | None,
    keys: tuple[Path, ...],
    identity: str | None,
    issuer: str | None,
    trusted_root: Path | None,
    configuration: Path | None,
    layout: Path | None,
    plain_http: tuple[str, ...],
    registry_ca: Path | None,
    output: str,
    timeout: float,
) -> None:
    """Verify the evidence of IMAGE here and now: what was proven, by whom, and what was refused and why.

    Exits with 0 when a trusted signer signed the image. Local: no service is asked, no policy decides, nothing is
    recorded. IMAGE may be left out with --layout when the layout holds one image.

    \b
    Examples:
      assay verify --key cosign.pub registry.example/app:1.0
      assay verify --key cosign.pub --layout build/age --output json
      assay verify --identity dev@example.com --issuer https://accounts.google.com registry.example/app:1.0
    """
    parts = composition(ctx)
    identities = read_identities(identity, issuer)
    if configuration is not None and not (keys or identities or trusted_root):
        trust = parts.trust_from_configuration(configuration)
    elif configuration is None and (keys or identities):
        trust = parts.trust_from_signers(keys=keys, identities=identities, trusted_root=trusted_root)
    else:
        raise click.UsageError("name whom to trust: --key, or --identity and --issuer, or else --config")
    registry, reference = _source(parts, image, layout, plain_http, registry_ca)
    deadline = Deadline.after(timeout, parts.clock().monotonic)
    verification = verify_image(registry, reference, trust, deadline)
    if output == "json":
        click.echo(json.dumps(_render_json(verification)))
    else:
        click.echo(_render_text(verification))
    ctx.exit(_exit_code(verification))


def _source(
    parts: Composition, image: str | None, layout: Path | None, plain_http: tuple[str, ...], ca: Path | None
) -> tuple[Registry, Reference]:
    if layout is not None:
        registry = parts.layout(layout)
        if image is not None:
            return registry, Reference.parse(image)
        digest = parts.layout_image(layout)
        return registry, Reference(repository=Repository.parse(_LAYOUT_NAME), digest=digest)
    if image is None:
        raise click.UsageError("name an IMAGE, or a --layout")
    return parts.registry(plain_http=plain_http, ca=ca), Reference.parse(image)


def _exit_code(verification: Verification) -> ExitCode:
    if verification.signed:
        return ExitCode.ALLOW
    retryable = any(gap.kind is GapKind.SIGNATURE and is_retryable(gap.code) for gap in verification.gaps)
    return ExitCode.RETRY if retryable else ExitCode.DENY


def _render_text(verification: Verification) -> str:
    from assay.cli.render import claim_lines, gap_lines, rejection_lines

    verdict = "VERIFIED" if verification.signed else "NOT VERIFIED"
    return "\n".join(
        [
            f"{verdict}  {verification.artefact.reference}",
            *claim_lines(verification.claims),
            *rejection_lines(verification.rejected),
            *gap_lines(verification.gaps),
        ]
    )


def _render_json(verification: Verification) -> dict[str, object]:
    from assay.formats.claim import render_claim
    from assay.formats.finding import render_gap, render_rejection

    return {
        "image": str(verification.artefact.reference),
        "digest": verification.artefact.digest.text,
        "verified": verification.signed,
        "claims": [render_claim(claim) for claim in verification.claims],
        "gaps": [render_gap(gap) for gap in verification.gaps],
        "rejected": [render_rejection(rejection) for rejection in verification.rejected],
    }
