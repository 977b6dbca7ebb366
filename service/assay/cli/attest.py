"""`assay attest`."""

from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.image_source import ImageSource, make_place, source_options, start_clock
from assay.cli.option import FILE, output_option, timeout_option
from assay.cli.signing import Signing, show_attached, signing_options


@click.command()
@click.argument("image", required=False)
@signing_options
@click.option("--predicate", type=FILE, required=True, help="The document to attest, JSON.")
@click.option(
    "--type",
    "kind",
    default="custom",
    show_default=True,
    metavar="NAME|URI",
    help="slsaprovenance1, slsaprovenance02, spdxjson, cyclonedx, vuln, openvex, custom, or a predicate type's URI.",
)
@click.option("--recursive", is_flag=True, help="Attest an index and each manifest that it lists.")
@source_options
@output_option
@timeout_option
@click.pass_context
def attest(
    ctx: click.Context,
    image: str | None,
    signing: Signing,
    predicate: Path,
    kind: str,
    recursive: bool,  # noqa: FBT001  # click passes options by name
    source: ImageSource,
    output: str,
    timeout: float,
) -> None:
    """Sign a statement about IMAGE, such as provenance or an SBOM, and attach it.

    The file becomes the predicate as it is; one of type custom may be any text and is wrapped. Where it is stored and
    what happens to other evidence is as for `assay sign`.

    \b
    Examples:
      assay attest --key cosign.key --type spdxjson --predicate sbom.spdx.json registry.example/app@sha256:…
      assay attest --key cosign.key --type https://example.com/review/v1 --predicate review.json registry.example/app:1
    """
    from assay.formats.predicate import read_predicate
    from assay.usecases.attach import attest_targets
    from assay.usecases.target import find_targets

    parts = composition(ctx)
    deadline = start_clock(parts, timeout)
    signer = signing.open(parts, deadline)
    registry, reference = source.open_writable(parts, image)
    place = make_place(reference, deadline)
    stated = read_predicate(predicate.read_bytes(), kind, now=parts.clock().now(), limits=place.limits)
    pinned, targets = find_targets(registry, reference, place, recursive=recursive)
    attached = attest_targets(signing.desk(parts, signer, registry, place), targets, stated)
    show_attached(str(pinned), attached, output)
