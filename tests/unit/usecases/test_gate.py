"""The gate over fakes: an allow needs everything, and whatever breaks is never an allow."""

from dataclasses import replace
from typing import Any

import pytest

from assay.domain.artefact import Artefact
from assay.domain.decision import DecisionKind, Stage, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.gate import FromLayout, FromRegistry, GateAnswer, GateQuestion
from assay.domain.mirror import MirrorNames
from assay.domain.policy import Mode
from assay.domain.reference import Repository
from assay.tlog.leaf import parse_leaf
from assay.usecases.engine import Scope, Source
from assay.usecases.gate import ask_gate
from assay.usecases.judge_all import judge_all
from tests.fakes.engine import CALLER, World, candidate, good_bundles, publish
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority

REPOSITORY = Repository.parse("registry.example/team-a/app")
IMAGE = Digest.of(image())
GOOD = good_bundles(FakeAuthority(), IMAGE)
MANIFEST = f"/v2/app/manifests/{IMAGE}"
DOWN = Unavailable("policy_engine_unavailable", "the engine is down", remedy="start it")
NONSENSE = InvalidInput("policy_result_invalid", "the engine failed", remedy="correct the policy")


@pytest.fixture
def world() -> World:
    return World()


def question(registry: FakeRegistry, digest: Digest = IMAGE) -> GateQuestion:
    artefact = Artefact(repository=registry.repository("app"), digest=digest)
    return GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromRegistry())


def ask(world: World, registry: FakeRegistry) -> GateAnswer:
    return ask_gate(world.engine(), question(registry), CALLER, world.deadline())


def blocking(answer: GateAnswer) -> set[str]:
    return {finding.code for finding in answer.findings if finding.blocks}


def reasons(answer: GateAnswer) -> set[str]:
    return {reason for finding in answer.findings if finding.blocks for reason in finding.reasons}


def test_an_image_with_all_its_evidence_is_allowed_recorded_and_counted(world: World, registry: FakeRegistry) -> None:
    answer = ask(world, registry)
    assert (answer.verdict, blocking(answer), answer.rejected) == (Verdict.ALLOW, set(), ())
    assert [item.id for item in world.log.decisions] == [answer.decision_id]
    assert world.metrics.decisions == {("gate", "allow"): 1}
    assert set(world.metrics.steps) == {"resolve", "collect", "verify", "decide", "record"}


def test_an_answer_and_its_leaf_are_bound_to_what_was_asked(world: World, registry: FakeRegistry) -> None:
    answer = ask(world, registry)
    leaf = parse_leaf(answer.leaf)
    assert answer.artefact == question(registry).artefact
    assert (answer.environment, leaf.environment, leaf.tenant) == (ENVIRONMENT, ENVIRONMENT, TENANT)
    assert [(item.name, item.digest) for item in leaf.images] == [(f"{registry.host}/app", IMAGE)]
    assert (leaf.verdict, leaf.kind, leaf.id) == (Verdict.ALLOW, DecisionKind.GATE, answer.decision_id)


def test_the_policy_hears_of_the_caller_and_of_nothing_the_call_claims(world: World, registry: FakeRegistry) -> None:
    ask(world, registry)
    request: Any = world.policy.asked[-1]["request"]
    assert (request["tenant"], request["environment"], request["operation"]) == (TENANT, ENVIRONMENT, "publish")
    assert request["actor"] == {"type": "caller", "issuer": "", "subject": "ci", "groups": []}


@pytest.mark.parametrize(
    ("missing", "code"),
    [("signature", "signature.authority"), ("provenance", "provenance.builder"), ("sbom", "sbom.found")],
)
def test_a_missing_piece_of_evidence_is_never_an_allow(world: World, missing: str, code: str) -> None:
    with FakeRegistry.start() as registry:
        publish(registry, "app", {name: bundle for name, bundle in GOOD.items() if name != missing})
        answer = ask(world, registry)
    assert answer.verdict is Verdict.INDETERMINATE
    assert code in blocking(answer)
    assert reasons(answer) == {"absent"}
    assert not answer.retryable


def test_evidence_by_another_key_is_rejected_and_the_answer_says_why(world: World) -> None:
    with FakeRegistry.start() as registry:
        publish(registry, "app", good_bundles(FakeAuthority("stranger"), IMAGE))
        answer = ask(world, registry)
    assert answer.verdict is Verdict.INDETERMINATE
    assert {item.code for item in answer.rejected} == {"signature_invalid"}
    assert {"all_rejected", "signature_invalid"} <= reasons(answer)


@pytest.mark.parametrize(
    ("path", "fault", "code"),
    [
        (MANIFEST, Fault(status=503), "registry_unavailable"),
        (MANIFEST, Fault(drop=True), "registry_unavailable"),
        (MANIFEST, Fault(status=401), "registry_denied"),
        (MANIFEST, Fault(status=404), "manifest_unknown"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_nothing_is_decided(
    world: World, registry: FakeRegistry, path: str, fault: Fault, code: str
) -> None:
    registry.faults[path] = fault
    with pytest.raises(AssayError) as caught:
        ask(world, registry)
    assert (caught.value.code, world.log.decisions) == (code, [])
    registry.faults.clear()
    assert ask(world, registry).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(octets=b"other bytes"), "digest_mismatch"),
        (Fault(octets=image(layers=[])), "digest_mismatch"),
    ],
)
def test_other_bytes_under_the_digest_are_a_recorded_denial(
    world: World, registry: FakeRegistry, fault: Fault, code: str
) -> None:
    registry.faults[MANIFEST] = fault
    answer = ask(world, registry)
    assert (answer.verdict, reasons(answer) & {code}) == (Verdict.DENY, {code})
    assert len(world.log.decisions) == 1


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(drop=True), Fault(status=403)])
def test_evidence_that_cannot_be_asked_for_may_be_repeated(world: World, registry: FakeRegistry, fault: Fault) -> None:
    registry.faults[f"/v2/app/referrers/{IMAGE}"] = fault
    answer = ask(world, registry)
    assert (answer.verdict, answer.retryable) == (Verdict.INDETERMINATE, True)


def test_garbage_instead_of_the_list_of_evidence_is_never_an_allow(world: World, registry: FakeRegistry) -> None:
    registry.faults[f"/v2/app/referrers/{IMAGE}"] = Fault(octets=b"<html>")
    assert ask(world, registry).verdict is not Verdict.ALLOW


def test_a_call_without_time_left_is_unavailable(world: World, registry: FakeRegistry) -> None:
    deadline = world.deadline(1)
    world.clock.seconds += 2
    with pytest.raises(Unavailable) as caught:
        ask_gate(world.engine(), question(registry), CALLER, deadline)
    assert caught.value.code == "deadline_exceeded"


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize(("error", "code"), [(DOWN, DOWN.code), (NONSENSE, NONSENSE.code)])
def test_an_engine_that_fails_is_a_denial_with_its_reason(
    world: World, registry: FakeRegistry, stage: Stage, error: AssayError, code: str
) -> None:
    world.policy.error, world.policy.only = error, stage
    answer = ask(world, registry)
    assert answer.verdict is Verdict.DENY
    assert code in blocking(answer)
    assert answer.retryable is (error is DOWN)


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize(
    "garbage",
    [
        lambda _: None,
        lambda _: "allow",
        lambda _: {"allow": True},
        lambda answer: {**answer, "allow": "true"},
        lambda answer: {**answer, "holds": {}},
        lambda answer: {**answer, "checked": dict.fromkeys(answer["checked"], 0)},
        lambda answer: {**answer, "extra": 1},
    ],
)
def test_an_answer_of_the_engine_that_proves_nothing_is_a_denial(
    world: World, registry: FakeRegistry, stage: Stage, garbage: Any
) -> None:
    world.policy.answer, world.policy.only = garbage, stage
    answer = ask(world, registry)
    assert answer.verdict is Verdict.DENY
    assert "policy_result_invalid" in blocking(answer)


@pytest.mark.parametrize("code", ["log_unavailable", "log_overloaded"])
def test_a_decision_that_is_not_recorded_is_not_answered(world: World, registry: FakeRegistry, code: str) -> None:
    world.log.error = Unavailable(code, "the log does not commit", remedy="start it")
    with pytest.raises(Unavailable) as caught:
        ask(world, registry)
    assert (caught.value.code, world.metrics.decisions) == (code, {})


def test_a_log_that_answers_with_another_decision_is_not_believed(world: World, registry: FakeRegistry) -> None:
    first = ask(world, registry)
    world.log.answer = lambda recorded: replace(recorded, id=first.decision_id)
    with pytest.raises(Unavailable) as caught:
        ask(world, registry)
    assert caught.value.code == "log_unavailable"


def test_a_tenant_without_rules_is_denied(world: World, registry: FakeRegistry) -> None:
    stranger = replace(CALLER, tenant="team-b")
    answer = ask_gate(world.engine(), question(registry), stranger, world.deadline())
    assert answer.verdict is Verdict.DENY
    assert blocking(answer) == {"policy_selection_missing"}
    assert world.log.decisions[0].tenant == "team-b"


def test_a_candidate_is_judged_by_what_the_call_carries(world: World) -> None:
    artefact = Artefact(repository=REPOSITORY, digest=IMAGE)
    asked = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=candidate(GOOD))
    assert ask_gate(world.engine(), asked, CALLER, world.deadline()).verdict is Verdict.ALLOW
    without = replace(asked, evidence=candidate({}))
    assert ask_gate(world.engine(), without, CALLER, world.deadline()).verdict is Verdict.INDETERMINATE


def test_a_candidate_that_is_another_image_is_refused(world: World) -> None:
    artefact = Artefact(repository=REPOSITORY, digest=Digest.of(b"another"))
    asked = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=candidate(GOOD))
    with pytest.raises(InvalidInput) as caught:
        ask_gate(world.engine(), asked, CALLER, world.deadline())
    assert (caught.value.code, world.log.decisions) == ("digest_mismatch", [])


def test_a_layout_that_is_not_there_is_an_error(world: World) -> None:
    artefact = Artefact(repository=REPOSITORY, digest=IMAGE)
    asked = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromLayout(path="nowhere"))
    with pytest.raises(InvalidInput) as caught:
        ask_gate(world.engine(), asked, CALLER, world.deadline())
    assert caught.value.code == "layout_unknown"


def test_an_artefact_in_a_mirror_is_judged_under_its_origin(world: World, registry: FakeRegistry) -> None:
    mirror = Repository.parse("mirror.example/hub")
    engine = replace(world.engine(), mirrors=MirrorNames(origins=((mirror.name, registry.host),)))
    mirrored = Artefact(repository=Repository.parse(f"{mirror}/app"), digest=IMAGE)
    answer = ask_gate(engine, replace(question(registry), artefact=mirrored), CALLER, world.deadline())
    assert (answer.verdict, answer.artefact) == (Verdict.ALLOW, mirrored)
    assert [item.name for item in parse_leaf(answer.leaf).images] == [registry.repository("app").name]
    carried = replace(question(registry), artefact=mirrored, evidence=candidate(GOOD))
    answer = ask_gate(engine, carried, CALLER, world.deadline())
    assert [item.name for item in parse_leaf(answer.leaf).images] == [mirrored.repository.name]


def test_the_gate_asks_registry_and_engine_each_time(world: World, registry: FakeRegistry) -> None:
    ask(world, registry)
    registry.requests.clear()
    ask(world, registry)
    assert f"/v2/app/referrers/{IMAGE}" in registry.paths()
    assert len(world.policy.asked) == 4


def test_what_the_gate_found_serves_the_admission_of_the_image(world: World, registry: FakeRegistry) -> None:
    ask(world, registry)
    registry.requests.clear()
    engine = world.engine()
    scope = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
    pinned = registry.reference("app", digest=IMAGE)
    (judged,) = judge_all(engine, Source(registry=engine.registry), [pinned], scope, world.deadline())
    assert (judged.verdict.verdict, registry.requests) == (Verdict.ALLOW, [])


def test_what_a_candidate_carries_serves_nobody_else(world: World, registry: FakeRegistry) -> None:
    carried = replace(question(registry), evidence=candidate(GOOD))
    assert ask_gate(world.engine(), carried, CALLER, world.deadline()).verdict is Verdict.ALLOW
    engine = world.engine()
    scope = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
    judge_all(
        engine, Source(registry=engine.registry), [registry.reference("app", digest=IMAGE)], scope, world.deadline()
    )
    assert registry.requests


def test_what_a_rule_on_trial_finds_is_no_part_of_the_answer(world: World, registry: FakeRegistry) -> None:
    loaded = world.policy.policy
    world.policy.policy = replace(loaded, modes={(TENANT, ENVIRONMENT): {"licence.denied": Mode.SHADOW}})
    complaint = {"code": "licence.denied", "term": "", "msg": "denied", "evidence": []}
    holds = ("signature.authority", "provenance.builder", "sbom.found")
    world.policy.only = Stage.EVIDENCE
    world.policy.answer = lambda answer: {**answer, "findings": [complaint], "holds": dict.fromkeys(holds, True)}
    answer = ask(world, registry)
    assert (answer.verdict, answer.findings) == (Verdict.ALLOW, ())
    assert [finding.status for finding in world.log.decisions[0].findings] == [Status.SHADOW]
