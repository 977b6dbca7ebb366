"""`assay verify`."""

import json
import sys

import click

from assay.cli.composition import composition
from assay.cli.image_source import ImageSource, source_options, start_clock
from assay.cli.option import output_option, timeout_option
from assay.cli.outcome import ExitCode
from assay.cli.tree import draw
from assay.cli.trusting import Trusting, trusting_options
from assay.cli.verification import render_verification, verification_tree
from assay.domain.evidence import GapKind
from assay.domain.platform import Platform
from assay.domain.reason import is_retryable
from assay.usecases.verify_image import Verification, verify_image


@click.command()
@click.argument("image", required=False)
@trusting_options
@click.option("--platform", metavar="OS/ARCH", help="Only this platform of an index is in question.")
@source_options
@output_option
@timeout_option
@click.pass_context
def verify(
    ctx: click.Context,
    image: str | None,
    trusting: Trusting,
    platform: str | None,
    source: ImageSource,
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
    trusted = trusting.open(parts)
    registry, reference = source.open(parts, image)
    verification = verify_image(
        registry,
        reference,
        trusted.snapshot,
        start_clock(parts, timeout),
        platform=Platform.parse(platform) if platform is not None else None,
    )
    if output == "json":
        click.echo(json.dumps(render_verification(verification, trusted.snapshot, conditions=trusted.conditions)))
    else:
        tree = verification_tree(verification, trusted.snapshot, conditions=trusted.conditions)
        click.echo(draw(tree, sys.stdout.encoding))
    ctx.exit(_exit_code(verification))


def _exit_code(verification: Verification) -> ExitCode:
    if verification.signed:
        return ExitCode.ALLOW
    retryable = any(gap.kind is GapKind.SIGNATURE and is_retryable(gap.code) for gap in verification.gaps)
    return ExitCode.RETRY if retryable else ExitCode.DENY
