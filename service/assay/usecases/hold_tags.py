"""Immutable tags: an image is not admitted under a tag that stood for something else before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from assay.domain.artefact import Artefact
from assay.domain.decision import Verdict
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.incident import TagSighting, Witness
from assay.usecases.engine import Engine
from assay.usecases.judge import Judged, denial_of
from assay.usecases.tag_guard import TagGuard


def hold_tags(engine: Engine, judged: Sequence[Judged], *, dry_run: bool) -> list[Judged]:
    """What was judged, with a denial for each image whose immutable tag stands for something else.

    A tag that was looked up is seen to stand for its digest; one that only stands beside a digest says nothing about
    the registry, and is compared with what was seen before. A dry run compares and keeps nothing. Images that run
    already are left alone. A book that cannot be read denies. Raises nothing but programming errors.
    """
    guard = engine.tags
    if guard is None:
        return list(judged)
    return [_held(guard, item, engine.clock.now(), dry_run=dry_run) for item in judged]


def _held(guard: TagGuard, judged: Judged, now: datetime, *, dry_run: bool) -> Judged:
    artefact = judged.artefact
    if artefact is None or judged.runs_already or not guard.covers(artefact):
        return judged
    try:
        if _may_stand(guard, artefact, now, looked_up=judged.reference.digest is None and not dry_run):
            return judged
    except Unavailable as error:
        return _denied(judged, error)
    moved = InvalidInput(
        "tag_moved",
        f"the tag {artefact.tag} of {artefact.repository} is immutable, and {artefact.digest} is not its digest",
        remedy="use the digest that the tag had first, or have the move accepted with `assay incidents accept`",
    )
    return _denied(judged, moved)


def _may_stand(guard: TagGuard, artefact: Artefact, now: datetime, *, looked_up: bool) -> bool:
    if guard.known.get(artefact):
        return True
    if looked_up:
        may = guard.book.see(
            TagSighting(
                repository=artefact.repository,
                tag=artefact.tag,
                digest=artefact.digest,
                witness=Witness.ADMISSION,
                at=now,
            )
        )
    else:
        accepted = guard.book.accepted(artefact.repository, artefact.tag)
        if not accepted:
            return True
        may = artefact.digest in accepted
    if may:
        guard.known.put(artefact, True)
    return may


def _denied(judged: Judged, error: AssayError) -> Judged:
    before, denial = judged.verdict, denial_of(error, judged.reference)
    verdict = before.verdict if before.verdict is Verdict.DENY else denial.verdict
    findings = (*denial.findings, *before.findings)
    return replace(judged, stale_seconds=0, verdict=replace(before, verdict=verdict, findings=findings))
