"""`assay tree` and `assay triangulate`."""

import json
import sys

import click

from assay.cli.composition import composition
from assay.cli.image_source import ImageSource, make_place, source_options, start_clock
from assay.cli.option import output_option, timeout_option
from assay.cli.tree import Branch, draw
from assay.cli.trusting import Trusting, trusting_options
from assay.domain.descriptor import Content
from assay.domain.evidence import Claim, EvidenceItem, Rejection
from assay.domain.evidence_tag import EVIDENCE_SUFFIXES, evidence_tag
from assay.usecases.attachment import Attachment, Shelf, Verify, list_attachments
from assay.usecases.resolve import resolve
from assay.usecases.target import find_targets
from assay.verification.trust_snapshot import TrustSnapshot


@click.command()
@click.argument("image", required=False)
@trusting_options
@source_options
@output_option
@timeout_option
@click.pass_context
def tree(
    ctx: click.Context,
    image: str | None,
    trusting: Trusting,
    source: ImageSource,
    output: str,
    timeout: float,
) -> None:
    """Show everything that is attached to IMAGE and to each manifest that it lists: type, size, digest, proven or not.

    Without a --key, an identity or a --config nothing is verified and everything is shown as it calls itself. Whether
    an image may be used is what `assay verify` and `assay gate` answer.

    \b
    Examples:
      assay tree registry.example/app:1.0
      assay tree --key cosign.pub registry.example/app:1.0 --output json
    """
    parts = composition(ctx)
    trusted = trusting.open_if_named(parts)
    deadline = start_clock(parts, timeout)
    registry, reference = source.open(parts, image)
    place = make_place(reference, deadline)
    pinned, targets = find_targets(registry, reference, place, recursive=True)
    shelf = Shelf(registry=registry, place=place, verify=_verifier(trusted.snapshot) if trusted is not None else None)
    conditions = trusted.conditions if trusted is not None else ()
    found = [(target, list_attachments(shelf, target)) for target in reversed(targets)]
    if output == "json":
        manifests = [_render_target(*entry) for entry in found]
        click.echo(json.dumps({"image": str(pinned), "conditions": list(conditions), "manifests": manifests}))
        return
    below = (*(_target_branch(*entry) for entry in found), *(Branch(text=text) for text in conditions))
    click.echo(draw(Branch(text=str(pinned), below=below), sys.stdout.encoding))


def _verifier(trust: TrustSnapshot) -> Verify:
    from assay.domain.limit import Limits
    from assay.verification.item import verify_item_for
    from assay.verification.message import Message

    def verify(item: EvidenceItem, subject: Content) -> Claim | Rejection:
        artefact = Message.of_content(subject.octets, subject.digest)
        return verify_item_for(trust.groups, item, artefact=artefact, limits=Limits())

    return verify


def _target_branch(target: Content, attachments: tuple[Attachment, ...]) -> Branch:
    below = tuple(_branch(entry) for entry in attachments) or (Branch(text="nothing is attached"),)
    return Branch(text=f"{target.digest}  {target.media_type}", below=below)


def _branch(entry: Attachment) -> Branch:
    name = f"{entry.tag}: " if entry.tag else ""
    says = f", calls itself {entry.says}" if entry.says else ""
    below = tuple(_branch(item) for item in entry.below)
    return Branch(
        text=f"{name}{entry.digest}  {entry.type}, {entry.size} bytes{says}", below=(*_outcome(entry), *below)
    )


def _outcome(entry: Attachment) -> tuple[Branch, ...]:
    from assay.cli.claim import claim_branch, rejection_branch

    match entry.outcome:
        case None:
            return () if entry.tag else (Branch(text="not verified"),)
        case Rejection():
            return (rejection_branch(entry.outcome),)
        case _:
            return (claim_branch(entry.outcome),)


def _render_target(target: Content, attachments: tuple[Attachment, ...]) -> dict[str, object]:
    return {
        "digest": target.digest.text,
        "media_type": target.media_type,
        "attached": [_render(entry) for entry in attachments],
    }


def _render(entry: Attachment) -> dict[str, object]:
    from assay.formats.claim import render_claim
    from assay.formats.finding import render_rejection

    rejection = entry.outcome if isinstance(entry.outcome, Rejection) else None
    claim = entry.outcome if not isinstance(entry.outcome, Rejection) else None
    return {
        "digest": entry.digest.text,
        "type": entry.type,
        "size": entry.size,
        "tag": entry.tag,
        "says": entry.says,
        "verified": claim is not None,
        "claim": render_claim(claim) if claim is not None else None,
        "rejection": render_rejection(rejection) if rejection is not None else None,
        "attached": [_render(item) for item in entry.below],
    }


@click.command()
@click.argument("image", required=False)
@source_options
@output_option
@timeout_option
@click.pass_context
def triangulate(ctx: click.Context, image: str | None, source: ImageSource, output: str, timeout: float) -> None:
    """Show where Assay and cosign look for what speaks about IMAGE; whether anything is there `assay tree` shows.

    \b
    Example:
      assay triangulate registry.example/app:1.0
    """
    parts = composition(ctx)
    deadline = start_clock(parts, timeout)
    registry, reference = source.open(parts, image)
    artefact = resolve(registry, reference, deadline).artefact
    repository, digest = artefact.repository, artefact.digest
    places = {
        "image": f"{repository}@{digest}",
        "referrers": f"/v2/{repository.path}/referrers/{digest}",
        "fallback": f"{repository}:{evidence_tag(digest)}",
        **{suffix.removeprefix("."): f"{repository}:{evidence_tag(digest, suffix)}" for suffix in EVIDENCE_SUFFIXES},
    }
    if output == "json":
        click.echo(json.dumps(places))
        return
    for name, place in places.items():
        click.echo(f"{name:<10} {place}")
