"""One stage: the engine's proof, checked and joined with what is missing."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from assay.domain.decision import Finding, Severity, Stage, StageVerdict, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.policy import LoadedPolicy, Mode, Rule
from assay.domain.reason import GAP_CODES
from assay.domain.reference import Reference
from assay.usecases.decide import decide_stage
from assay.usecases.document import JudgedImage
from assay.usecases.proof import Proof
from tests.fakes.policy import ENVIRONMENT, NOW, TENANT, FakeEngine, deadline, policy, rule

SIGNED = rule("signature.authority", requires=("signature",))
EXTRA = rule("licence.unknown", counts="packages")
QUESTION = {"tenant": TENANT, "environment": ENVIRONMENT}
DOCUMENT: dict[str, object] = {
    "request": QUESTION,
    "context": {"time_s": int(NOW.timestamp())},
    "signatures": [{}],
    "sbom": [],
}
FINDING = {"code": "signature.authority", "term": "t", "msg": "m", "evidence": [["signatures", 0]]}


def answer(**members: object) -> dict[str, object]:
    good = {"allow": True, "findings": [], "holds": {SIGNED.code: True}, "checked": {SIGNED.code: 1}}
    return {**good, **members}


def denial(**members: object) -> dict[str, object]:
    return answer(**{"allow": False, "findings": [FINDING], "holds": {}, **members})


def decide(
    said: object,
    *,
    loaded: LoadedPolicy | None = None,
    document: Mapping[str, object] = DOCUMENT,
    gaps: tuple[Gap, ...] = (),
    rejected: tuple[Rejection, ...] = (),
    tenant: str = TENANT,
) -> StageVerdict:
    return decide_stage(
        FakeEngine(loaded or policy(SIGNED), said),
        Stage.EVIDENCE,
        document,
        gaps,
        tenant=tenant,
        environment=ENVIRONMENT,
        deadline=deadline(),
        rejected=rejected,
        image="registry.example/app@sha256:aa",
    )


def gap(code: str, kind: GapKind = GapKind.SIGNATURE) -> Gap:
    return Gap(kind=kind, reason=GAP_CODES[code].reason, code=code)


def rejection(code: str) -> Rejection:
    return Rejection(id=Digest.of(code.encode()), code=code, detail="")


def refusal(verdict: StageVerdict) -> str:
    assert verdict.verdict is Verdict.DENY
    (finding,) = verdict.findings
    assert finding.reasons == (finding.code,)
    return finding.code


def test_a_proof_is_an_allow() -> None:
    verdict = decide(answer())
    assert (verdict.verdict, verdict.findings) == (Verdict.ALLOW, ())
    assert verdict.checked == ((SIGNED.code, 1),)


def test_a_violation_is_a_deny_that_explains_itself() -> None:
    verdict = decide(denial())
    assert verdict.verdict is Verdict.DENY
    assert verdict.findings == (
        Finding(
            code=SIGNED.code,
            status=Status.VIOLATION,
            severity=Severity.HIGH,
            stage=Stage.EVIDENCE,
            msg="m",
            term="t",
            image="registry.example/app@sha256:aa",
            evidence=(("signatures", 0),),
            solution="correct it",
            rule="rule/signature.authority.rego:1",
        ),
    )


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        answer(extra=1),
        answer(allow=1),
        answer(allow="true"),
        answer(allow=None),
        answer(findings={}),
        answer(findings=[1]),
        answer(findings=[{**FINDING, "extra": 1}]),
        answer(holds=[SIGNED.code]),
        answer(holds={SIGNED.code: 1}),
        answer(holds={SIGNED.code: False}),
        answer(holds={1: True}),
        answer(holds={}),
        answer(holds={SIGNED.code: True, "no.rule": True}),
        answer(checked={}),
        answer(checked={SIGNED.code: 2}),
        answer(checked={SIGNED.code: True}),
        answer(checked={SIGNED.code: "1"}),
        answer(checked={SIGNED.code: -1}),
        answer(checked={SIGNED.code: 1, "no.rule": 1}),
        answer(images={}),
        answer(allow=False),
        answer(findings=[FINDING]),
        denial(allow=True),
        denial(holds={SIGNED.code: True}),
        denial(findings=[]),
        denial(findings=[{**FINDING, "code": "no.rule"}]),
        denial(findings=[{**FINDING, "msg": 1}]),
        denial(findings=[{**FINDING, "evidence": "x"}]),
        denial(findings=[{**FINDING, "evidence": ["x"]}]),
        denial(findings=[{**FINDING, "evidence": [[None]]}]),
        denial(findings=[{**FINDING, "evidence": [[True]]}]),
    ],
)
def test_an_answer_that_is_no_proof_denies(said: object) -> None:
    assert refusal(decide(said)) == "policy_result_invalid"


@pytest.mark.parametrize("code", ["policy_engine_unavailable", "deadline_exceeded"])
def test_an_engine_that_is_down_denies_and_may_be_asked_again(code: str) -> None:
    verdict = decide(Unavailable(code, "down", remedy="wait"))
    assert refusal(verdict) == "policy_engine_unavailable"
    assert verdict.retryable


@pytest.mark.parametrize(
    ("code", "reported"),
    [
        ("policy_result_invalid", "policy_result_invalid"),
        ("policy_input_invalid", "policy_input_invalid"),
        ("anything_else", "policy_result_invalid"),
    ],
)
def test_an_engine_that_refuses_denies_for_good(code: str, reported: str) -> None:
    verdict = decide(InvalidInput(code, "no", remedy="none"))
    assert refusal(verdict) == reported
    assert not verdict.retryable


def test_other_errors_are_not_hidden() -> None:
    error: AssayError = ConfigError("x", "x", remedy="x")
    with pytest.raises(ConfigError):
        decide(error)


@pytest.mark.parametrize(
    "loaded",
    [
        policy(SIGNED, mandatory=()),
        policy(SIGNED, mandatory=("no.rule",)),
        policy(rule(SIGNED.code, counts="made up")),
        policy(rule("digest.required", stage=Stage.REQUEST, counts="images"), mandatory=("digest.required",)),
    ],
)
def test_without_usable_mandatory_rules_everything_is_denied(loaded: LoadedPolicy) -> None:
    assert refusal(decide(answer(), loaded=loaded)) == "policy_selection_missing"


def test_what_one_policy_demands_serves_no_other_even_of_the_same_digests() -> None:
    strict, lenient = policy(SIGNED), policy(SIGNED, modes={SIGNED.code: Mode.WARN})
    complains = denial(), {**denial(), "allow": True}
    for _ in range(2):
        assert decide(complains[0], loaded=strict).verdict is Verdict.DENY
        assert refusal(decide(complains[1], loaded=strict)) == "policy_result_invalid"
        assert decide(complains[1], loaded=lenient).verdict is Verdict.ALLOW


def test_a_tenant_nobody_configured_is_denied() -> None:
    document = {**DOCUMENT, "request": {**QUESTION, "tenant": "other"}}
    assert refusal(decide(answer(), document=document, tenant="other")) == "policy_selection_missing"


@pytest.mark.parametrize(
    "changes",
    [
        {"request": {**QUESTION, "tenant": "other"}},
        {"request": None},
        {"context": {"time_s": "now"}},
        {"context": None},
        {"signatures": {}},
    ],
)
def test_a_document_of_another_shape_is_denied_before_the_engine_is_asked(changes: dict[str, object]) -> None:
    engine = FakeEngine(policy(SIGNED), answer())
    verdict = decide_stage(
        engine,
        Stage.EVIDENCE,
        {**DOCUMENT, **changes},
        (),
        tenant=TENANT,
        environment=ENVIRONMENT,
        deadline=deadline(),
    )
    assert refusal(verdict) == "policy_input_invalid"
    assert engine.asked == []


@pytest.mark.parametrize("said", [answer(), denial()], ids=["holds", "violated"])
def test_a_missing_fact_makes_the_rule_that_needs_it_indeterminate(said: object) -> None:
    verdict = decide(said, gaps=(gap("registry_unavailable"),))
    assert verdict.verdict is Verdict.INDETERMINATE
    assert [(item.status, item.reasons) for item in verdict.findings] == [
        (Status.INDETERMINATE, ("registry_unavailable",))
    ]
    assert verdict.retryable


def test_a_missing_fact_that_no_rule_needs_changes_nothing() -> None:
    assert decide(answer(), gaps=(gap("absent", GapKind.SBOM),)).verdict is Verdict.ALLOW


@pytest.mark.parametrize("code", ["signature_invalid", "subject_mismatch", "digest_mismatch"])
def test_the_reason_says_why_everything_was_rejected(code: str) -> None:
    verdict = decide(denial(), gaps=(gap("all_rejected"),), rejected=(rejection(code),))
    assert verdict.findings[0].reasons == tuple(sorted(("all_rejected", code)))
    assert not verdict.retryable


def test_a_rejection_does_not_hide_that_a_fault_is_passing() -> None:
    verdict = decide(denial(), gaps=(gap("registry_unavailable"),), rejected=(rejection("signature_invalid"),))
    assert verdict.findings[0].reasons == ("registry_unavailable",)


def test_a_rule_that_is_not_mandatory_warns() -> None:
    finding = {**FINDING, "code": EXTRA.code}
    verdict = decide(answer(findings=[finding]), loaded=policy(SIGNED, EXTRA, mandatory=(SIGNED.code,)))
    assert verdict.verdict is Verdict.ALLOW
    assert [item.status for item in verdict.findings] == [Status.WARNING]


def dated(effective_on: datetime) -> Rule:
    return rule("licence.unknown", counts="packages", effective_on=effective_on)


def test_a_rule_warns_until_it_is_in_force() -> None:
    said = answer(findings=[{**FINDING, "code": EXTRA.code}])
    later = policy(SIGNED, dated(NOW + timedelta(seconds=1)))
    assert decide(said, loaded=later).verdict is Verdict.ALLOW
    now = policy(SIGNED, dated(NOW.astimezone(UTC)))
    assert refusal(decide(said, loaded=now)) == "policy_result_invalid"


def test_a_rule_that_looked_at_nothing_proves_nothing() -> None:
    nothing = {**DOCUMENT, "signatures": []}
    said = answer(allow=False, checked={SIGNED.code: 0})
    verdict = decide(said, document=nothing)
    assert verdict.verdict is Verdict.INDETERMINATE
    assert verdict.findings[0].reasons == ("absent",)
    assert refusal(decide(answer(checked={SIGNED.code: 0}), document=nothing)) == "policy_result_invalid"


def test_a_rule_may_say_that_looking_at_nothing_is_fine() -> None:
    said = answer(checked={SIGNED.code: 0})
    loaded = policy(rule(SIGNED.code, may_be_empty=True))
    assert decide(said, document={**DOCUMENT, "signatures": []}, loaded=loaded).verdict is Verdict.ALLOW


DIGEST = rule("digest.required", stage=Stage.REQUEST, counts="images")
EVIDENCE = rule("evidence.allowed", stage=Stage.REQUEST, counts="images", requires=("evidence",))
REQUEST: dict[str, object] = {
    "request": QUESTION,
    "context": {"time_s": int(NOW.timestamp())},
    "images": [{"key": "one"}, {"key": "two"}],
}


def about(key: str, code: str = EVIDENCE.code) -> dict[str, object]:
    return {**FINDING, "code": code, "image": key}


def request_answer(**members: object) -> dict[str, object]:
    codes = (DIGEST.code, EVIDENCE.code)
    good = {
        "allow": True,
        "findings": [],
        "holds": dict.fromkeys(codes, True),
        "checked": dict.fromkeys(codes, 2),
        "images": {"one": True, "two": True},
    }
    return {**good, **members}


def request_denial(**members: object) -> dict[str, object]:
    bad = {
        "allow": False,
        "findings": [about("two")],
        "holds": {DIGEST.code: True},
        "images": {"one": True, "two": False},
    }
    return request_answer(**{**bad, **members})


def decide_request(said: object, *images: JudgedImage) -> StageVerdict:
    return decide_stage(
        FakeEngine(policy(DIGEST, EVIDENCE), said),
        Stage.REQUEST,
        REQUEST,
        (),
        tenant=TENANT,
        environment=ENVIRONMENT,
        deadline=deadline(),
        images=images,
    )


def judged(key: str, *findings: Finding, verdict: Verdict) -> JudgedImage:
    return JudgedImage(
        key=key,
        reference=Reference.parse("registry.example/app:1"),
        digest=None,
        verdict=StageVerdict(stage=Stage.EVIDENCE, verdict=verdict, findings=findings),
    )


def blocked(status: Status, *reasons: str) -> Finding:
    return Finding(
        code=SIGNED.code, status=status, severity=Severity.HIGH, stage=Stage.EVIDENCE, msg="m", reasons=reasons
    )


def test_a_proof_for_every_image_is_an_allow() -> None:
    assert decide_request(request_answer()).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    "said",
    [
        request_answer(images={"one": True}),
        request_answer(images={"one": True, "two": True, "three": True}),
        request_answer(images={"one": True, "two": 1}),
        request_answer(images={"one": True, "two": False}),
        request_answer(images=[]),
        request_answer(checked={DIGEST.code: 2, EVIDENCE.code: 1}),
        request_denial(images={"one": True, "two": True}),
        request_denial(images={"one": False, "two": False}),
        request_denial(findings=[about("three")]),
        request_denial(findings=[FINDING]),
        request_denial(findings=[{**about("two"), "image": None}]),
    ],
)
def test_an_answer_that_leaves_an_image_open_denies(said: object) -> None:
    assert refusal(decide_request(said)) == "policy_result_invalid"


def test_a_finding_about_the_whole_request_is_about_every_image() -> None:
    verdict = decide_request(request_denial(findings=[about("")], images={"one": False, "two": False}))
    assert verdict.verdict is Verdict.DENY
    assert [item.image for item in verdict.findings] == [""]


def test_a_request_is_as_open_as_the_evidence_of_its_image() -> None:
    outage = blocked(Status.INDETERMINATE, "registry_unavailable")
    verdict = decide_request(request_denial(), judged("two", outage, verdict=Verdict.INDETERMINATE))
    assert verdict.verdict is Verdict.INDETERMINATE
    assert verdict.findings[0].reasons == ("registry_unavailable",)
    assert verdict.retryable


def test_an_evidence_finding_without_reasons_stands_for_itself_and_is_final() -> None:
    outage = blocked(Status.INDETERMINATE, "registry_unavailable")
    violation = blocked(Status.VIOLATION)
    verdict = decide_request(request_denial(), judged("two", outage, violation, verdict=Verdict.DENY))
    assert verdict.verdict is Verdict.DENY
    assert verdict.findings[0].reasons == ("registry_unavailable", "signature.authority")
    assert not verdict.retryable


def test_an_image_that_was_not_judged_is_a_violation() -> None:
    verdict = decide_request(request_denial())
    assert [(item.status, item.reasons) for item in verdict.findings] == [(Status.VIOLATION, ())]


def in_mode(mode: Mode, *codes: str) -> LoadedPolicy:
    return policy(SIGNED, EXTRA, mandatory=(SIGNED.code, EXTRA.code), modes=dict.fromkeys(codes, mode))


def trial(**members: object) -> dict[str, object]:
    """An answer that allows because `EXTRA` alone complains, which does not bind."""
    complaint = {**FINDING, "code": EXTRA.code}
    return answer(**{"findings": [complaint], "checked": {SIGNED.code: 1, EXTRA.code: 0}, **members})


@pytest.mark.parametrize(("mode", "status"), [(Mode.WARN, Status.WARNING), (Mode.SHADOW, Status.SHADOW)])
def test_a_rule_that_warns_or_is_on_trial_is_told_and_denies_nothing(mode: Mode, status: Status) -> None:
    verdict = decide(trial(), loaded=in_mode(mode, EXTRA.code))
    assert (verdict.verdict, [item.status for item in verdict.findings]) == (Verdict.ALLOW, [status])
    assert verdict.findings[0].shown is (mode is Mode.WARN)
    enforced = decide(trial(allow=False), loaded=in_mode(Mode.ENFORCE, EXTRA.code))
    assert (enforced.verdict, [item.status for item in enforced.findings]) == (Verdict.DENY, [Status.VIOLATION])


def test_a_rule_that_is_switched_off_says_nothing() -> None:
    assert decide(trial(), loaded=in_mode(Mode.OFF, EXTRA.code)).findings == ()


def test_a_stage_whose_every_rule_is_switched_off_is_denied() -> None:
    assert refusal(decide(answer(), loaded=in_mode(Mode.OFF, SIGNED.code, EXTRA.code))) == "policy_selection_missing"


def test_where_every_rule_is_on_trial_all_of_them_are_told() -> None:
    said = answer(findings=[FINDING], holds={}, checked={})
    verdict = decide(said, loaded=in_mode(Mode.SHADOW, SIGNED.code, EXTRA.code))
    assert verdict.verdict is Verdict.ALLOW
    assert {(item.code, item.status, item.reasons) for item in verdict.findings} == {
        (SIGNED.code, Status.SHADOW, ()),
        (EXTRA.code, Status.SHADOW, ("policy_result_invalid",)),
    }


def test_a_gap_is_only_told_by_a_rule_that_warns() -> None:
    verdict = decide(
        answer(), loaded=policy(SIGNED, modes={SIGNED.code: Mode.WARN}), gaps=(gap("registry_unavailable"),)
    )
    assert verdict.verdict is Verdict.ALLOW
    assert [(item.status, item.reasons) for item in verdict.findings] == [(Status.WARNING, ("registry_unavailable",))]


def test_a_proof_that_is_known_is_not_asked_for_again() -> None:
    engine = FakeEngine(policy(SIGNED), answer())
    known: list[Proof] = []

    def recall(ask: Callable[[], Proof]) -> Proof:
        known.append(known[0] if known else ask())
        return known[0]

    decided = [
        decide_stage(
            engine,
            Stage.EVIDENCE,
            DOCUMENT,
            gaps,
            tenant=TENANT,
            environment=ENVIRONMENT,
            deadline=deadline(),
            recall=recall,
        ).verdict
        for gaps in ((), (gap("registry_unavailable"),))
    ]
    assert (decided, len(engine.asked)) == ([Verdict.ALLOW, Verdict.INDETERMINATE], 1)
