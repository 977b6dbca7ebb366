"""Decide one stage: ask the engine, check its proof, join it with what could not be established."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.domain.counter import COUNTERS, EVIDENCE_VERDICT, entries, unusable_document
from assay.domain.deadline import Deadline
from assay.domain.decision import Finding, Severity, Stage, StageVerdict, Status, Verdict
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence import Gap, Rejection
from assay.domain.policy import LoadedPolicy, Rule
from assay.ports import PolicyEngine
from assay.usecases.answer import Answer, RawFinding, invalid_answer, parse_answer
from assay.usecases.document import JudgedImage

_NO_REASONS: tuple[str, ...] = ()
_SOLUTION = "see the service's log; the operator must act"
_REFUSALS = {
    "policy_engine_unavailable": "the policy engine did not answer in time",
    "policy_result_invalid": "the policy engine's answer is not a proof",
    "policy_input_invalid": "the document does not have the shape that policy is written for",
    "policy_selection_missing": "no rule is in force for this tenant and environment",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What the service knows before it asks: the rules of the stage, the binding ones, expected numbers, image keys."""

    stage: Stage
    rules: Mapping[str, Rule] = field(hash=False)
    binding: tuple[str, ...]
    expected: Mapping[str, int] = field(hash=False)
    images: frozenset[str]


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
) -> StageVerdict:
    """Decide one stage over its document; never raises for what the engine does or says.

    An allow needs the engine's own True, the same result recomputed from `holds` and `checked`, the numbers the
    service counted itself, and no gap of a kind that a binding rule requires. Anything else denies: with
    `policy_engine_unavailable`, `policy_result_invalid`, `policy_input_invalid` or `policy_selection_missing` when
    the engine proved nothing at all. `gaps`, `rejected` and `image` (the pinned reference) belong to the evidence
    stage, `images` to the request stage.
    """
    try:
        question = _question(engine.loaded(), stage, document, tenant=tenant, environment=environment)
        answer = parse_answer(engine.query(stage, document, deadline), with_images=stage is Stage.REQUEST)
        _check_consistent(question, answer)
    except Unavailable:
        return _refused(stage, "policy_engine_unavailable", image)
    except InvalidInput as error:
        return _refused(stage, error.code if error.code in _REFUSALS else "policy_result_invalid", image)
    causes = _Causes(gaps=tuple(gaps), rejected=tuple(rejected), images={item.key: item.verdict for item in images})
    findings = tuple(_finding(question, raw, causes, image=image) for raw in answer.findings) + _unestablished(
        question, answer, causes, image=image
    )
    return StageVerdict(
        stage=stage,
        verdict=_verdict(findings, engine_allows=answer.allow),
        findings=findings,
        checked=tuple(sorted(answer.checked.items())),
    )


def _verdict(findings: tuple[Finding, ...], *, engine_allows: bool) -> Verdict:
    blocking = {finding.status for finding in findings if finding.blocks}
    if engine_allows is True and not blocking:
        return Verdict.ALLOW
    return Verdict.INDETERMINATE if blocking == {Status.INDETERMINATE} else Verdict.DENY


def _question(
    policy: LoadedPolicy, stage: Stage, document: Mapping[str, object], *, tenant: str, environment: str
) -> _Question:
    request = _member(document, "request")
    if (request.get("tenant"), request.get("environment")) != (tenant, environment):
        raise unusable_document("tenant and environment are not those of the question")
    now = _member(document, "context").get("time_s")
    if not isinstance(now, int):
        raise unusable_document("context.time_s is no integer")
    rules = {code: rule for code, rule in policy.rules.items() if rule.stage is stage}
    mandatory = policy.mandatory.get((tenant, environment, stage), ())
    binding = tuple(code for code in mandatory if code not in rules or _in_force(rules[code], now))
    if not binding or not all(code in rules and rules[code].counts in COUNTERS[stage] for code in binding):
        raise InvalidInput(
            "policy_selection_missing",
            f"no usable selection of {stage.value} rules for tenant {tenant!r} and environment {environment!r}",
            remedy="name mandatory rules of the loaded bundle in the rule data",
        )
    keys = [entry.get("key") for entry in entries(document, "images")] if stage is Stage.REQUEST else []
    return _Question(
        stage=stage,
        rules=rules,
        binding=binding,
        expected={code: COUNTERS[stage][rules[code].counts](document) for code in binding},
        images=frozenset(str(key) for key in keys),
    )


def _member(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    member = document.get(name)
    if not isinstance(member, Mapping):
        raise unusable_document(f"{name} is no object")
    return member


def _in_force(rule: Rule, now: int) -> bool:
    return rule.effective_on is None or int(rule.effective_on.timestamp()) <= now


def _check_consistent(question: _Question, answer: Answer) -> None:
    complaining = {finding.code for finding in answer.findings}
    if not complaining | answer.holds | set(answer.checked) <= set(question.rules):
        raise invalid_answer("it names a code that no rule of the stage has")
    for code in question.binding:
        if answer.checked.get(code) != question.expected[code]:
            raise invalid_answer(f"{code} did not look at {question.expected[code]} things")
        if (code in answer.holds) == (code in complaining):
            raise invalid_answer(f"{code} must either hold or complain")
    if answer.allow is not _recomputed(question, answer):
        raise invalid_answer("allow does not follow from the rest")
    if question.stage is Stage.REQUEST:
        _check_images(question, answer)


def _recomputed(question: _Question, answer: Answer) -> bool:
    return all(
        code in answer.holds and (answer.checked[code] > 0 or question.rules[code].may_be_empty)
        for code in question.binding
    )


def _check_images(question: _Question, answer: Answer) -> None:
    blamed = {finding.image for finding in answer.findings if finding.code in question.binding}
    if set(answer.images) != question.images or not {item.image for item in answer.findings} <= question.images | {""}:
        raise invalid_answer("it does not speak about exactly the images of the question")
    for key, clean in answer.images.items():
        if clean is bool(blamed & {key, ""}):
            raise invalid_answer(f"the result of image {key[:200]!r} does not follow from the findings")


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


def _finding(question: _Question, raw: RawFinding, causes: _Causes, *, image: str) -> Finding:
    rule = question.rules[raw.code]
    if raw.code not in question.binding:
        status, reasons = Status.WARNING, _NO_REASONS
    elif EVIDENCE_VERDICT in rule.requires:
        status, reasons = _image_status(causes, raw.image), causes.of_image(raw.image)
    else:
        reasons = causes.of_rule(rule)
        status = Status.INDETERMINATE if reasons else Status.VIOLATION
    return _result(
        rule,
        status,
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


def _unestablished(question: _Question, answer: Answer, causes: _Causes, *, image: str) -> tuple[Finding, ...]:
    """A finding for each binding rule that holds only because something is missing."""
    findings: list[Finding] = []
    for code in question.binding:
        rule = question.rules[code]
        reasons = causes.of_rule(rule)
        if code in answer.holds and reasons:
            msg = "facts that the rule needs could not be established"
            findings.append(_result(rule, Status.INDETERMINATE, msg=msg, image=image, reasons=reasons))
        elif code in answer.holds and answer.checked[code] == 0 and not rule.may_be_empty:
            msg = "there was nothing that the rule could look at"
            findings.append(_result(rule, Status.INDETERMINATE, msg=msg, image=image, reasons=("absent",)))
    return tuple(findings)


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
