"""One artefact through the first four steps: resolve, collect, verify, decide its evidence."""

from dataclasses import dataclass, field, replace

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import Finding, Severity, Stage, StageVerdict, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.kept_verdict import EvidenceVerdict, JudgedFacts
from assay.domain.reference import Reference
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.evidence_stage import judge_evidence
from assay.usecases.resolve import Resolved, resolve

JUDGE_SHARE = 0.8
"""Share of a call's time for judging its artefacts; the rest is for the request stage and the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict on the evidence of what one reference names, with everything that explains it.

    `artefact` is None when the reference could not be resolved to a digest; `facts` are empty when nothing was put
    before the policy. Findings name the reference as it was asked for. `runs_already` is an artefact whose evidence was
    not judged, because the same image runs already. Any other `ALLOW` without artefact and document cannot be built
    (`ValueError`). `stale_seconds` is the age of the listing behind an allow that was given again because the registry
    could not be asked, rounded up; nothing but an allow has one (`ValueError`).
    """

    reference: Reference
    artefact: Artefact | None
    verdict: StageVerdict
    facts: JudgedFacts = field(default_factory=JudgedFacts)
    runs_already: bool = False
    stale_seconds: int = 0

    def __post_init__(self) -> None:
        if self.stale_seconds and self.verdict.verdict is not Verdict.ALLOW:
            raise ValueError("nothing but an allow is given again")
        if self.runs_already:
            return
        if self.verdict.verdict is Verdict.ALLOW and (self.artefact is None or not self.facts.documents):
            raise ValueError("an allow needs an artefact and the document it was decided on")

    @classmethod
    def of(
        cls, reference: Reference, artefact: Artefact, found: EvidenceVerdict, *, stale_seconds: int = 0
    ) -> "Judged":
        """What was found about an artefact, as the answer to whoever asked for it by this reference."""
        findings = tuple(replace(finding, image=str(reference)) for finding in found.verdict.findings)
        return cls(
            reference=reference,
            artefact=artefact,
            verdict=replace(found.verdict, findings=findings),
            facts=found.facts,
            stale_seconds=stale_seconds,
        )

    @property
    def digest(self) -> Digest | None:
        """The digest that was judged, if any."""
        return self.artefact.digest if self.artefact is not None else None


def judge_reference(engine: Engine, source: Source, reference: Reference, scope: Scope, deadline: Deadline) -> Judged:
    """Resolve a reference and judge its evidence, listing anew what lies beside it.

    A reference that cannot be resolved or read is a verdict too, with the code as its finding. Raises nothing but
    programming errors.
    """
    try:
        with engine.step("resolve"):
            resolved = resolve(source.registry, reference, deadline)
    except (InvalidInput, Unavailable) as error:
        return unreadable(reference, error)
    try:
        return judge_resolved(engine, source, reference, resolved, scope, deadline)
    except (InvalidInput, Unavailable) as error:
        return unreadable(resolved.artefact.reference, error, asked_as=reference)


def leave_unjudged(reference: Reference) -> Judged:
    """The image of a request that does not change which images run: nothing is fetched, and nothing denies it."""
    return Judged(
        reference=reference,
        artefact=_artefact(reference),
        verdict=StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.ALLOW),
        runs_already=True,
    )


def judge_resolved(
    engine: Engine, source: Source, reference: Reference, resolved: Resolved, scope: Scope, deadline: Deadline
) -> Judged:
    """Judge the evidence of an artefact that `reference` was resolved to, listing anew what lies beside it.

    Raises what reading the artefact itself raises.
    """
    return Judged.of(reference, resolved.artefact, judge_evidence(engine, source, resolved, scope, deadline))


def unreadable(reference: Reference, error: AssayError, *, asked_as: Reference | None = None) -> Judged:
    """The verdict on an artefact that could not be read: deny, or indeterminate when repeating may help.

    `asked_as` is the reference of the question, where `reference` knows the digest and that one does not.
    """
    asked = asked_as or reference
    return Judged(reference=asked, artefact=_artefact(reference), verdict=denial_of(error, asked))


def denial_of(error: AssayError, asked: Reference) -> StageVerdict:
    """The verdict that an error about what a reference names is, with the error as its finding."""
    finding = Finding(
        code=error.code,
        status=Status.INDETERMINATE if error.retryable else Status.VIOLATION,
        severity=Severity.CRITICAL,
        stage=Stage.EVIDENCE,
        msg=error.message,
        image=str(asked),
        reasons=(error.code,),
        solution=error.remedy,
    )
    verdict = Verdict.INDETERMINATE if error.retryable else Verdict.DENY
    return StageVerdict(stage=Stage.EVIDENCE, verdict=verdict, findings=(finding,))


def _artefact(reference: Reference) -> Artefact | None:
    if reference.digest is None:
        return None
    return Artefact(repository=reference.repository, digest=reference.digest, tag=reference.tag)
