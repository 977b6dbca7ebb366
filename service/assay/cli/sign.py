"""`assay sign`."""

import click

from assay.cli.composition import composition
from assay.cli.image_source import ImageSource, make_place, source_options, start_clock
from assay.cli.option import output_option, timeout_option
from assay.cli.signing import Signing, show_attached, signing_options


@click.command()
@click.argument("image", required=False)
@signing_options
@click.option("-a", "--annotation", "annotations", multiple=True, metavar="KEY=VALUE", help="Sign this, too.")
@click.option("--recursive", is_flag=True, help="Sign an index and each manifest that it lists.")
@source_options
@output_option
@timeout_option
@click.pass_context
def sign(
    ctx: click.Context,
    image: str | None,
    signing: Signing,
    annotations: tuple[str, ...],
    recursive: bool,  # noqa: FBT001  # click passes options by name
    source: ImageSource,
    output: str,
    timeout: float,
) -> None:
    """Sign IMAGE and attach the signature: as a referrer, under the fallback tag where the registry has no referrers.

    What is signed is the digest that IMAGE names now. Other signatures stay. Nothing is attached that Assay's own
    verifier does not accept. IMAGE may be left out with --layout when the layout holds one image.

    \b
    Examples:
      assay sign --key cosign.key registry.example/app@sha256:…
      assay sign --key cosign.key --recursive -a stage=qa registry.example/app:1.0
      assay sign --key cosign.key --layout build/age
      assay sign --key cosign.key --signing-config signing_config.json --trusted-root root.json registry.example/app:1
      assay sign --keyless --signing-config signing_config.json --trusted-root trusted_root.json registry.example/app:1
    """
    from assay.usecases.attach import sign_targets
    from assay.usecases.target import find_targets

    parts = composition(ctx)
    pairs = [_split(annotation) for annotation in annotations]
    deadline = start_clock(parts, timeout)
    signer = signing.open(parts, deadline)
    registry, reference = source.open_writable(parts, image)
    place = make_place(reference, deadline)
    pinned, targets = find_targets(registry, reference, place, recursive=recursive)
    attached = sign_targets(signing.desk(parts, signer, registry, place), targets, annotations=pairs)
    show_attached(str(pinned), attached, output)


def _split(annotation: str) -> tuple[str, str]:
    key, separator, value = annotation.partition("=")
    if not key or not separator:
        raise click.UsageError(f"{annotation!r} is not KEY=VALUE")
    return key, value
