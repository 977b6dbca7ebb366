"""Break-glass: what it allows, what it leaves denied, and what it costs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assay.domain.admission import AdmissionAnswer
from assay.domain.artefact import Artefact
from assay.domain.break_glass import BREAK_GLASS, GrantRules
from assay.domain.decision import DecisionKind, Stage, StageVerdict, Status, Verdict
from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.gate import FromRegistry, GateQuestion
from assay.domain.limit import Limits
from assay.domain.quorum import Quorum
from assay.usecases.admit import admit
from assay.usecases.break_glass import Denial, read_statement
from assay.usecases.gate import ask_gate
from assay.usecases.sign import KeyEvidenceSigner
from tests.fakes.decision import denied
from tests.fakes.engine import CALLER, World, good_bundles, publish, trust_in
from tests.fakes.grants import NOW, RULES, SECURITY, MemoryGrants, glass, identify, mint_grant
from tests.fakes.oci import image, put_image
from tests.fakes.policy import ENVIRONMENT
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority
from tests.unit.usecases.test_admit import SCOPE, question

IMAGE = Digest.of(image())
OTHER = Digest.of(b"other")
SECOND = FakeAuthority("second")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        put_image(fake, "more")
        yield fake


def world(*bundles: bytes, rules: GrantRules = RULES) -> tuple[World, MemoryGrants]:
    made = World()
    made.break_glass, grants = glass(*bundles, rules=rules)
    made.trust = trust_in(made.authority.authority, SECURITY.authority, SECOND.authority)
    return made, grants


def ask(made: World, registry: FakeRegistry, *paths: str, **changes: Any) -> AdmissionAnswer:
    references = [registry.reference(path, tag="v1") for path in paths or ("app",)]
    return admit(made.engine(), replace(question(*references), **changes), SCOPE, made.deadline())


def is_allowed(made: World, registry: FakeRegistry, *paths: str, **changes: Any) -> bool:
    return ask(made, registry, *paths, **changes).verdict is Verdict.ALLOW


def test_a_grant_allows_the_digest_and_the_decision_says_so(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE))
    answer = ask(made, registry)
    (decision,) = made.log.decisions
    assert (answer.verdict, answer.images[0].digest, answer.retryable) == (Verdict.ALLOW, IMAGE, False)
    assert identify(IMAGE) in decision.evidence
    told = [finding for finding in decision.findings if finding.code == "break_glass"]
    assert [(item.status, "OPS-1" in item.msg) for item in told] == [(Status.WARNING, True)]
    assert {item.status for item in decision.findings if item not in told} == {Status.WAIVED}
    assert grants.uses == {identify(IMAGE): {decision.id}}


def test_the_two_looks_at_one_object_cost_one_use(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE, uses=1))
    assert is_allowed(made, registry, uid="mutate", name="", final=False)
    assert not is_allowed(made, registry, uid="elsewhere", service_account="other")
    assert is_allowed(made, registry, uid="validate", name="web-x7f2k")
    assert not is_allowed(made, registry, uid="again", name="web-9q4mz")
    assert len(grants.uses[identify(IMAGE, uses=1)]) == 1


@pytest.mark.parametrize(
    "change", [{"user": "bob"}, {"service_account": "other"}, {"kind": "Job"}, {"namespace": "cart"}]
)
def test_a_first_look_pays_for_no_other_object(registry: FakeRegistry, change: dict[str, str]) -> None:
    made, _ = world(mint_grant(IMAGE, uses=1, namespaces=["shop", "cart"]))
    assert is_allowed(made, registry, final=False)
    assert not is_allowed(made, registry, **change)
    assert is_allowed(made, registry)


def test_a_grant_that_was_revoked_between_the_looks_allows_nothing(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE))
    assert is_allowed(made, registry, final=False)
    grants.revoke(identify(IMAGE), time=NOW, reason="over")
    assert not is_allowed(made, registry)


def test_every_decision_costs_a_use_until_none_is_left(registry: FakeRegistry) -> None:
    made, _ = world(mint_grant(IMAGE, uses=2))
    assert [is_allowed(made, registry) for _ in range(3)] == [True, True, False]


def test_a_dry_run_has_the_same_verdict_and_costs_nothing(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE, uses=1))
    assert [is_allowed(made, registry, dry_run=True) for _ in range(3)] == [True] * 3
    assert grants.uses == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "other"},
        {"environment": "other"},
        {"namespaces": ["other"]},
        {"not_before": NOW + timedelta(minutes=1)},
        {"expires": NOW},
        {"not_before": NOW - timedelta(hours=24), "expires": NOW + timedelta(seconds=1)},
        {"uses": 11},
        {"signer": FakeAuthority("stranger")},
        {"signer": SECOND},
    ],
)
def test_a_grant_for_elsewhere_another_time_or_by_others_allows_nothing(
    registry: FakeRegistry, changes: dict[str, Any]
) -> None:
    made, grants = world(mint_grant(IMAGE, **changes))
    assert (is_allowed(made, registry), grants.uses) == (False, {})
    made, _ = world(mint_grant(IMAGE))
    assert is_allowed(made, registry)


def test_a_grant_for_another_digest_allows_nothing(registry: FakeRegistry) -> None:
    assert not is_allowed(world(mint_grant(OTHER))[0], registry)
    assert is_allowed(world(mint_grant(OTHER, IMAGE))[0], registry)


def test_a_revoked_grant_allows_nothing(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE))
    assert is_allowed(made, registry)
    grants.revoke(identify(IMAGE), time=NOW, reason="over")
    assert not is_allowed(made, registry)


def test_a_use_that_somebody_else_takes_first_is_not_there(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE, uses=1))
    grants.before_use = lambda: grants.uses.setdefault(identify(IMAGE, uses=1), set()).add("other")
    assert not is_allowed(made, registry)


def test_every_image_needs_a_grant_and_one_grant_for_all_is_used_once(registry: FakeRegistry) -> None:
    another = registry.put_manifest("more", image(annotations={"another": "image"}), OCI_MANIFEST, tag="v1").digest
    made, grants = world(mint_grant(IMAGE))
    assert (is_allowed(made, registry, "app", "more"), grants.uses) == (False, {})
    made, grants = world(mint_grant(IMAGE, another))
    assert is_allowed(made, registry, "app", "more")
    assert [len(taken) for taken in grants.uses.values()] == [1]


def test_what_is_about_the_request_as_a_whole_stays_denied(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE))
    made.policy.error, made.policy.only = (
        Unavailable("policy_engine_unavailable", "it is down", remedy="wait"),
        Stage.REQUEST,
    )
    assert (is_allowed(made, registry), grants.uses) == (False, {})
    made.policy.error = None
    assert is_allowed(made, registry)


def test_an_image_that_cannot_be_read_is_allowed_by_its_digest_alone(registry: FakeRegistry) -> None:
    registry.faults["/v2/app/manifests/v1"] = Fault(status=503)
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=503)
    made, _ = world(mint_grant(IMAGE))
    assert ask(made, registry).verdict is Verdict.INDETERMINATE
    pinned = replace(question(registry.reference("app", digest=IMAGE)))
    assert admit(made.engine(), pinned, SCOPE, made.deadline()).verdict is Verdict.ALLOW


def test_grants_that_cannot_be_read_change_nothing_and_are_counted(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE))
    grants.fault = True
    assert not is_allowed(made, registry)
    assert made.metrics.failures == {"grants_unavailable": 1}
    grants.fault = False
    assert is_allowed(made, registry)


def test_a_quorum_needs_as_many_signers_under_the_same_terms(registry: FakeRegistry) -> None:
    both = replace(RULES, quorum=Quorum(authorities=("security", "second"), threshold=2))
    one, other = mint_grant(IMAGE), mint_grant(IMAGE, signer=SECOND)
    assert not is_allowed(world(one, one, rules=both)[0], registry)
    assert not is_allowed(world(one, mint_grant(IMAGE, signer=SECOND, uses=2), rules=both)[0], registry)
    assert is_allowed(world(one, other, rules=both)[0], registry)


def test_what_is_no_grant_is_passed_over(registry: FakeRegistry) -> None:
    others = [
        b"{}",
        SECURITY.bundle(IMAGE),
        SECURITY.bundle(IMAGE, predicate_type="https://t", predicate={}),
        SECURITY.bundle(IMAGE, predicate_type=BREAK_GLASS, predicate={"uses": 1}),
    ]
    assert not is_allowed(world(*others)[0], registry)
    assert is_allowed(world(*others, mint_grant(IMAGE))[0], registry)


def test_what_policy_allows_costs_no_use(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE))
    publish(registry, "good", good_bundles(FakeAuthority(), IMAGE))
    assert (is_allowed(made, registry, "good"), grants.uses) == (True, {})


def test_nobody_publishes_with_a_grant(registry: FakeRegistry) -> None:
    made, grants = world(mint_grant(IMAGE))
    artefact = Artefact(repository=registry.repository("app"), digest=IMAGE)
    asked = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromRegistry())
    assert ask_gate(made.engine(), asked, CALLER, made.deadline()).verdict is not Verdict.ALLOW
    assert (made.log.decisions[0].kind, grants.uses) == (DecisionKind.GATE, {})


def test_a_stage_that_does_not_say_why_it_denies_stays_denied() -> None:
    silent = StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.DENY)
    denial = Denial(decision=denied(), stages=[silent], images={"x": IMAGE}, namespace="shop")
    assert denial.digests() is None


def test_a_signed_message_holds_no_statement() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_statement(KeyEvidenceSigner(SECURITY).sign_message(b"message"), Limits())
    assert caught.value.code == "grant_malformed"
    assert read_statement(mint_grant(IMAGE), Limits()).predicate_type == BREAK_GLASS
