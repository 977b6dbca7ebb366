"""Decide one stage: ask the engine, check its proof, join it with what could not be established."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from assay.domain.counter import EVIDENCE_VERDICT
from assay.domain.deadline import Deadline
from assay.domain.decision import Finding, Severity, Stage, StageVerdict, Status, Verdict
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence import Gap, Rejection
from assay.domain.policy import Mode, Rule
from assay.ports import PolicyEngine
from assay.usecases.document import JudgedImage
from assay.usecases.proof import Proof, Recall, ask_anew, prove

_SOLUTION = "see the service's log; the operator must act"
_STATUSES = {Mode.WARN: Status.WARNING, Mode.SHADOW: Status.SHADOW}
"""What a finding says of a rule that does not deny."""
_REFUSALS = {
    "policy_engine_unavailable": "the policy engine did not answer in time",
    "policy_result_invalid": "the policy engine's answer is not a proof",
    "policy_input_invalid": "the document does not have the shape that policy is written for",
    "policy_selection_missing": "no rule is in force for this tenant and environment",
}


def decide_stage(
    engine: PolicyEngine,
    stage: Stage,
    document: Mapping[str, object],
    gaps: Sequence[Gap],
    *,
    tenant: str,
    environment: str,
    deadline: Deadline,
    rejected: Sequence[Rejection] = (),
    image: str = "",
    images: Sequence[JudgedImage] = (),
    recall: Recall = ask_anew,
) -> StageVerdict:
    """Decide one stage over its document; never raises for what the engine does or says.

    An allow needs the engine's own True, the same result recomputed from `holds` and `checked`, the numbers the
    service counted itself, and no gap of a kind that a binding rule requires. Anything else denies: with
    `policy_engine_unavailable`, `policy_result_invalid`, `policy_input_invalid` or `policy_selection_missing` when
    the engine proved nothing at all. `gaps`, `rejected` and `image` (the pinned reference) belong to the evidence
    stage, `images` to the request stage. `recall` may know the proof already.
    """
    ask = partial(prove, engine, stage, document, tenant=tenant, environment=environment, deadline=deadline)
    try:
        proof = recall(ask)
    except Unavailable:
        return _refused(stage, "policy_engine_unavailable", image)
    except InvalidInput as error:
        return _refused(stage, error.code if error.code in _REFUSALS else "policy_result_invalid", image)
    causes = _Causes(gaps=tuple(gaps), rejected=tuple(rejected), images={item.key: item.verdict for item in images})
    findings = tuple(_complaints(proof, causes, image=image)) + tuple(_unestablished(proof, causes, image=image))
    return StageVerdict(
        stage=stage,
        verdict=_verdict(findings, engine_allows=proof.answer.allow),
        findings=findings,
        checked=tuple(sorted(proof.answer.checked.items())),
    )


def _verdict(findings: tuple[Finding, ...], *, engine_allows: bool) -> Verdict:
    blocking = {finding.status for finding in findings if finding.blocks}
    if engine_allows is True and not blocking:
        return Verdict.ALLOW
    return Verdict.INDETERMINATE if blocking == {Status.INDETERMINATE} else Verdict.DENY


@dataclass(frozen=True, slots=True, kw_only=True)
class _Causes:
    """What may lie behind a finding, besides the rule itself."""

    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]
    images: Mapping[str, StageVerdict] = field(hash=False)

    def of_rule(self, rule: Rule) -> tuple[str, ...]:
        """Detail codes of the gaps that a rule cannot do without, sorted.

        Where everything that was there was rejected, the codes of the rejections tell why.
        """
        codes = {gap.code for gap in self.gaps if gap.kind.value in rule.requires}
        if "all_rejected" in codes:
            codes |= {rejection.code for rejection in self.rejected}
        return tuple(sorted(codes))

    def of_image(self, key: str) -> tuple[str, ...]:
        """Detail codes behind an image's own verdict, sorted; a finding without any stands for itself."""
        verdict = self.images.get(key)
        blocking = [finding for finding in verdict.findings if finding.blocks] if verdict else []
        return tuple(sorted({code for finding in blocking for code in finding.reasons or (finding.code,)}))


def _complaints(proof: Proof, causes: _Causes, *, image: str) -> Iterator[Finding]:
    """A finding for each complaint of a rule that is not switched off."""
    for raw in proof.answer.findings:
        rule = proof.question.demand.rules[raw.code]
        if EVIDENCE_VERDICT in rule.requires:
            status, reasons = _image_status(causes, raw.image), causes.of_image(raw.image)
        else:
            reasons = causes.of_rule(rule)
            status = Status.INDETERMINATE if reasons else Status.VIOLATION
        mode = proof.question.demand.modes[raw.code]
        if mode is not Mode.OFF:
            yield _result(
                rule,
                _STATUSES.get(mode, status),
                msg=raw.msg,
                term=raw.term,
                image=raw.image or image,
                reasons=reasons,
                evidence=raw.evidence,
            )


def _image_status(causes: _Causes, key: str) -> Status:
    verdict = causes.images.get(key)
    undecided = verdict is not None and verdict.verdict is Verdict.INDETERMINATE
    return Status.INDETERMINATE if undecided else Status.VIOLATION


def _unestablished(proof: Proof, causes: _Causes, *, image: str) -> Iterator[Finding]:
    """A finding for each selected rule that holds only because something is missing, or that has proven nothing."""
    answer = proof.answer
    complaining = {raw.code for raw in answer.findings}
    for code in proof.question.demand.selected:
        rule = proof.question.demand.rules[code]
        status = _STATUSES.get(proof.question.demand.modes[code], Status.INDETERMINATE)
        reasons = causes.of_rule(rule)
        if code in answer.holds and reasons:
            msg = "facts that the rule needs could not be established"
            yield _result(rule, status, msg=msg, image=image, reasons=reasons)
        elif code in answer.holds and not answer.checked.get(code) and not rule.may_be_empty:
            msg = "there was nothing that the rule could look at"
            yield _result(rule, status, msg=msg, image=image, reasons=("absent",))
        elif code not in answer.holds and code not in complaining:
            msg = "the rule neither holds nor complains"
            yield _result(rule, status, msg=msg, image=image, reasons=("policy_result_invalid",))


def _result(
    rule: Rule,
    status: Status,
    *,
    msg: str,
    image: str,
    reasons: tuple[str, ...],
    term: str = "",
    evidence: tuple[tuple[str | int, ...], ...] = (),
) -> Finding:
    return Finding(
        code=rule.code,
        status=status,
        severity=rule.severity,
        stage=rule.stage,
        msg=msg,
        term=term,
        image=image,
        reasons=reasons,
        evidence=evidence,
        solution=rule.solution,
        rule=rule.location,
    )


def _refused(stage: Stage, code: str, image: str) -> StageVerdict:
    finding = Finding(
        code=code,
        status=Status.VIOLATION,
        severity=Severity.CRITICAL,
        stage=stage,
        msg=_REFUSALS[code],
        image=image,
        reasons=(code,),
        solution=_SOLUTION,
    )
    return StageVerdict(stage=stage, verdict=Verdict.DENY, findings=(finding,))
