"""What a decision says and keeps: document, preimage, evidence, source, and who may know what."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from assay.domain.decision import Decision, DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.reference import Reference
from assay.usecases.conclude import Asker, conclude
from assay.usecases.document import RequestFacts
from assay.usecases.engine import Scope, Source
from assay.usecases.judge import Judged, judge_reference
from tests.fakes.engine import World, good_bundles, publish
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT, IDENTITY, TENANT
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority

SCOPE = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
IMAGE = Digest.of(image())
GOOD = good_bundles(FakeAuthority(), IMAGE)
ASKER = Asker(request=RequestFacts(operation="CREATE"), preimage={"user": "alice", "caller": "x"})


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", GOOD)
        publish(fake, "bare", {})
        yield fake


def decide(world: World, *references: Reference) -> Decision:
    engine, deadline = world.engine(), world.deadline()
    judged: list[Judged] = [
        judge_reference(engine, Source(registry=engine.registry), item, SCOPE, deadline) for item in references
    ]
    return conclude(engine, judged, ASKER, SCOPE, deadline).decision


def test_a_decision_keeps_what_the_engine_saw_in_canonical_form(registry: FakeRegistry) -> None:
    world = World()
    decision = decide(world, registry.reference("app", tag="v1"))
    octets = decision.document.content()
    document: Any = json.loads(octets)
    assert document == {"evidence": [world.policy.asked[0]], "request": world.policy.asked[1]}
    assert json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False) == octets.decode()


def test_who_asked_is_in_the_preimage_and_nowhere_else(registry: FakeRegistry) -> None:
    decision = decide(World(), registry.reference("app", tag="v1"))
    assert decision.preimage == b'{"caller":"x","user":"alice"}'
    assert b"alice" not in decision.document.content()


def test_a_decision_names_evidence_source_policy_and_time(registry: FakeRegistry) -> None:
    world = World()
    decision = decide(world, registry.reference("app", tag="v1"))
    assert decision.evidence == tuple(sorted(Digest.of(bundle) for bundle in GOOD.values()))
    policy = replace(IDENTITY, trust=world.engine().trust.snapshot().digest)
    assert (decision.source_commit, decision.policy, decision.time) == ("c0" * 20, policy, world.clock.now())
    assert [(item.tag, item.digest) for item in decision.artefacts] == [("v1", IMAGE)]


def test_a_commit_that_not_every_image_has_is_no_commit_of_the_decision(registry: FakeRegistry) -> None:
    decision = decide(World(), registry.reference("app", tag="v1"), registry.reference("bare", tag="v1"))
    assert decision.source_commit == ""


def test_an_image_that_could_not_be_resolved_leaves_no_document_and_no_artefact(registry: FakeRegistry) -> None:
    decision = decide(World(), registry.reference("app", tag="v1"), registry.reference("app", tag="gone"))
    assert (decision.verdict, len(decision.artefacts)) == (Verdict.DENY, 1)
    assert len(json.loads(decision.document.content())["evidence"]) == 1


def test_a_denial_by_the_request_stage_alone_is_a_denial(registry: FakeRegistry) -> None:
    world = World()
    world.policy.denied_registries = frozenset({registry.host})
    decision = decide(world, registry.reference("app", tag="v1"))
    assert (decision.verdict, decision.retryable) == (Verdict.DENY, False)
    assert {finding.code for finding in decision.findings if finding.blocks} == {"registry.allowed"}


def test_no_images_are_no_allow() -> None:
    decision = decide(World())
    assert decision.verdict is not Verdict.ALLOW


def test_a_request_that_was_answered_a_short_while_ago_is_not_put_before_the_engine_again(
    registry: FakeRegistry,
) -> None:
    world, reference = World(), registry.reference("app", tag="v1")
    first, second = decide(world, reference), decide(world, reference)
    assert (len(world.policy.asked), first.verdict, second.verdict) == (2, Verdict.ALLOW, Verdict.ALLOW)
    assert first.document == second.document
    world.clock.seconds += 60
    decide(world, reference)
    assert len(world.policy.asked) == 3


def test_another_request_is_put_before_the_engine(registry: FakeRegistry) -> None:
    world = World()
    decide(world, registry.reference("app", tag="v1"))
    decide(world, registry.reference("app", tag="v1"), registry.reference("bare", tag="v1"))
    assert world.metrics.cache["request", "miss"] == 2


def test_an_engine_that_was_down_is_asked_again(registry: FakeRegistry) -> None:
    world, reference = World(), registry.reference("app", tag="v1")
    world.policy.error = Unavailable("policy_engine_unavailable", "down", remedy="start it")
    assert decide(world, reference).verdict is Verdict.DENY
    world.policy.error = None
    assert decide(world, reference).verdict is Verdict.ALLOW
