"""`assay prove`."""

import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from assay.cli.composition import Composition, composition
from assay.cli.image_source import FOLDER, ImageSource, make_place, source_options, start_clock
from assay.cli.option import FILE, output_option, timeout_option
from assay.cli.outcome import ExitCode
from assay.cli.tree import Branch, draw
from assay.cli.trusting import Trusting, trusting_options
from assay.domain.deadline import Deadline
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.ports import Registry
from assay.usecases.prove import Chain, Proof, Source, Standing, Step, prove
from assay.usecases.verify_image import verify_image

_LAYOUT = "layout"
_COMMITS = "commits"
_REPORT = "proof.json"
_TAG = "image"
_REPOSITORY = Repository(registry="layout.invalid", path="image")
_MARKS = {Standing.HOLDS: "holds", Standing.BREAKS: "BREAKS", Standing.NOT_ASKED: "-"}


@click.command("prove")
@click.argument("image", required=False)
@trusting_options
@click.option(
    "--repository",
    type=click.Path(exists=True, path_type=Path),
    help="A clone or git bundle of the source: its commit has to be there.",
)
@click.option("--allowed-signers", type=FILE, help="Who may sign commits (SSH, as ssh-keygen reads it).")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), help="Write an evidence folder here.")
@click.option("--from", "saved", type=FOLDER, help="Prove from an evidence folder, without any network.")
@source_options
@output_option
@timeout_option
@click.pass_context
def prove_command(
    ctx: click.Context,
    image: str | None,
    trusting: Trusting,
    repository: Path | None,
    allowed_signers: Path | None,
    save: Path | None,
    saved: Path | None,
    source: ImageSource,
    output: str,
    timeout: float,
) -> None:
    """Walk the whole chain of IMAGE: log time, signature, provenance, git commit, SBOM; say where it breaks.

    Exits with 0 when no link breaks. Every link counts only under whom you trust here; an evidence folder brings no
    trust of its own. The git commit is looked for when there is a --repository (an evidence folder has the commit);
    with --allowed-signers it has to be signed by one of them.

    \b
    Examples:
      assay prove --key cosign.pub --repository src registry.example/app:1.0
      assay prove --key cosign.pub --repository src --allowed-signers signers --save proof registry.example/app:1
      assay prove --key cosign.pub --allowed-signers signers --from proof
    """
    parts = composition(ctx)
    trusted = (replace(trusting, offline=True) if saved is not None else trusting).open(parts)
    deadline = start_clock(parts, timeout)
    registry, reference = _open(parts, source, image, saved)
    with ExitStack() as stack:
        commits = None
        place = repository or _saved_commits(saved)
        if place is not None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            opened = parts.commits(place, scratch=scratch, allowed_signers=allowed_signers)
            commits = Source(commits=opened, signed=allowed_signers is not None, deadline=deadline)
        elif allowed_signers is not None:
            raise click.UsageError("--allowed-signers needs a --repository")
        verification = verify_image(registry, reference, trusted.snapshot, deadline)
        proof = prove(verification, commits, limits=Limits())
    report = _render(proof, trusted.conditions)
    if save is not None:
        _save(parts, registry, proof, save, report, deadline)
    click.echo(json.dumps(report) if output == "json" else _draw(proof, trusted.conditions))
    if proof.holds:
        ctx.exit(ExitCode.ALLOW)
    ctx.exit(ExitCode.RETRY if proof.retryable else ExitCode.DENY)


def _saved_commits(saved: Path | None) -> Path | None:
    return saved if saved is not None and (saved / _COMMITS).is_dir() else None


def _open(parts: Composition, source: ImageSource, image: str | None, saved: Path | None) -> tuple[Registry, Reference]:
    if saved is None:
        return source.open(parts, image)
    if image is not None or source.layout is not None:
        raise click.UsageError("--from has its own image: name neither IMAGE nor --layout")
    return parts.writable_layout(saved / _LAYOUT), Reference(repository=_REPOSITORY, tag=_TAG)


def _save(
    parts: Composition, registry: Registry, proof: Proof, folder: Path, report: object, deadline: Deadline
) -> None:
    """An OCI layout with the image's documents and everything that speaks about it, the commits, and the report."""
    from assay.usecases.copy import Route, copy_image
    from assay.usecases.resolve import resolve

    artefact = proof.artefact
    layout = parts.new_layout(folder / _LAYOUT)
    root = resolve(registry, artefact.reference, deadline).manifest
    route = Route(
        source=registry,
        origin=make_place(artefact.reference, deadline),
        target=layout,
        destination=make_place(Reference(repository=_REPOSITORY, tag=_TAG), deadline),
        layers=False,
    )
    copy_image(route, root, tag=_TAG)
    for chain in proof.chains:
        if chain.commit is not None:
            (folder / _COMMITS).mkdir(exist_ok=True)
            (folder / _COMMITS / chain.commit.id).write_bytes(chain.commit.octets)
    (folder / _REPORT).write_text(f"{json.dumps(report, indent=2)}\n", encoding="utf-8")


def _draw(proof: Proof, conditions: Sequence[str]) -> str:
    verdict = "PROVEN" if proof.holds else "NOT PROVEN"
    if len(proof.chains) == 1 and not proof.chains[0].platform:
        below = _branches(proof.chains[0])
    else:
        below = tuple(Branch(text=f"platform {chain.platform}", below=_branches(chain)) for chain in proof.chains)
    told = (Branch(text=text) for text in conditions)
    return draw(Branch(text=f"{verdict}  {proof.artefact.reference}", below=(*below, *told)), sys.stdout.encoding)


def _branches(chain: Chain) -> tuple[Branch, ...]:
    return tuple(Branch(text=_line(step)) for step in chain.steps)


def _line(step: Step) -> str:
    code = f"{step.code}: " if step.code else ""
    return f"{step.link.value:<10}  {_MARKS[step.standing]:<6}  {code}{step.told}"


def _render(proof: Proof, conditions: Sequence[str]) -> dict[str, object]:
    return {
        "image": str(proof.artefact.reference),
        "digest": proof.artefact.digest.text,
        "holds": proof.holds,
        "conditions": list(conditions),
        "chains": [
            {"platform": chain.platform, "links": [_render_step(step) for step in chain.steps]}
            for chain in proof.chains
        ],
    }


def _render_step(step: Step) -> dict[str, str]:
    return {"link": step.link.value, "standing": step.standing.value, "code": step.code, "told": step.told}
