"""`assay verify`."""

import json
import sys
from pathlib import Path

import click

from assay.cli.composition import Composition, composition
from assay.cli.option import FILE, identity_options, output_option, read_identities, timeout_option
from assay.cli.outcome import ExitCode
from assay.cli.tree import draw
from assay.cli.verification import render_verification, verification_tree
from assay.domain.deadline import Deadline
from assay.domain.evidence import GapKind
from assay.domain.platform import Platform
from assay.domain.reason import is_retryable
from assay.domain.reference import Reference, Repository
from assay.ports import Registry
from assay.usecases.verify_image import Verification, verify_image

_OFFLINE = "offline: no trust root was refreshed; the public-good one is that which came with Assay"
_LAYOUT_NAME = "layout.invalid/image"
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("image", required=False)
@click.option("--key", "keys", type=FILE, multiple=True, help="Trust this public key (PEM); may be repeated.")
@identity_options
@click.option("--config", "configuration", type=FILE, help="Trust the authorities of this configuration file.")
@click.option("--platform", metavar="OS/ARCH", help="Only this platform of an index is in question.")
@click.option("--offline", is_flag=True, help="Ask nobody but the registry; with --layout nobody at all.")
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
    platform: str | None,
    offline: bool,  # noqa: FBT001  # click passes options by name
    layout: Path | None,
    plain_http: tuple[str, ...],
    registry_ca: Path | None,
    output: str,
    timeout: float,
) -> None:
    """Verify the evidence of IMAGE here and now: what was proven, by whom, and what was refused and why.

    Exits with 0 when a trusted signer signed the image. Local: no service is asked, no policy decides, nothing is
    recorded. IMAGE may be left out with --layout when the layout holds one image.

    The answer is a tree: what is bound to the index, to each platform, and to the image; each claim with its signer,
    its verified times and its log entries. An index is verified when every platform in question is signed, by itself
    or through the index. A signature of one platform says nothing about another.

    \b
    Examples:
      assay verify --key cosign.pub registry.example/app:1.0
      assay verify --key cosign.pub --layout build/age --output json
      assay verify --identity dev@example.com --issuer https://accounts.google.com registry.example/app:1.0
      assay verify --config assay.yaml --platform linux/arm64 registry.example/app:1.0
      assay verify --offline --trusted-root trusted_root.json --key cosign.pub registry.example/app:1.0
    """
    parts = composition(ctx)
    identities = read_identities(identity, issuer)
    if bool(configuration) == bool(keys or identities) or (configuration and trusted_root):
        raise click.UsageError("name whom to trust: --key, or --identity and --issuer, or else --config")
    conditions = [_OFFLINE] if offline else []
    if not offline and (configuration or (identities and not trusted_root)):
        conditions = _refresh(parts, configuration)
    if configuration:
        trust = parts.trust_from_configuration(configuration)
    else:
        trust = parts.trust_from_signers(keys=keys, identities=identities, trusted_root=trusted_root, offline=offline)
    registry, reference = _source(parts, image, layout, plain_http, registry_ca)
    verification = verify_image(
        registry,
        reference,
        trust,
        Deadline.after(timeout, parts.clock().monotonic),
        platform=Platform.parse(platform) if platform is not None else None,
    )
    if output == "json":
        click.echo(json.dumps(render_verification(verification, trust, conditions=conditions)))
    else:
        tree = verification_tree(verification, trust, conditions=conditions)
        click.echo(draw(tree, sys.stdout.encoding))
    ctx.exit(_exit_code(verification))


def _refresh(parts: Composition, configuration: Path | None) -> list[str]:
    """Refresh what is due; what could not be is a condition of the answer: the last root counts until it is too old."""
    failed = parts.refresh_due(configuration)
    return [f"{name} was not refreshed, the last one counts: {error.message}" for name, error in failed.items()]


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
