"""Admission over fakes: an allow has an allowed digest for every image."""

from dataclasses import replace
from typing import Any

import pytest

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.decision import Stage, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.mirror import MirrorNames
from assay.domain.policy import Mode
from assay.domain.reference import Reference, Repository
from assay.usecases.admit import AdmissionScope, admit
from tests.fakes.engine import Rules, World
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.registry import FakeRegistry, Fault

SCOPE = AdmissionScope(tenant=TENANT, environment=ENVIRONMENT, caller="client certificate")
IMAGE = Digest.of(image())
MIRROR = Repository.parse("mirror.example/hub")


def question(*references: Reference) -> AdmissionQuestion:
    return AdmissionQuestion(
        uid="uid-1",
        operation="CREATE",
        namespace="shop",
        kind="Pod",
        name="web",
        user="alice",
        service_account="",
        dry_run=False,
        labels=(("app", "web"),),
        references=references,
    )


def ask(world: World, *references: Reference) -> AdmissionAnswer:
    return admit(world.engine(), question(*references), SCOPE, world.deadline())


def test_a_tag_is_allowed_as_the_digest_that_was_judged(registry: FakeRegistry) -> None:
    world = World()
    answer = ask(world, registry.reference("app", tag="v1"))
    assert (answer.verdict, [item.digest for item in answer.images]) == (Verdict.ALLOW, [IMAGE])
    assert world.log.decisions[0].id == answer.decision_id
    assert world.metrics.decisions == {("admission", "allow"): 1}


def test_one_image_by_tag_and_by_digest_is_judged_under_both_names(registry: FakeRegistry) -> None:
    world = World()
    answer = ask(world, registry.reference("app", tag="v1"), registry.reference("app", digest=IMAGE))
    assert [(item.verdict, item.digest) for item in answer.images] == [(Verdict.ALLOW, IMAGE)] * 2
    assert len(world.log.decisions) == 1


def test_what_lies_in_a_mirror_is_judged_under_its_origin_and_answered_as_asked(registry: FakeRegistry) -> None:
    world = World(policy=Rules(denied_registries=frozenset({MIRROR.registry})))
    engine = replace(world.engine(), mirrors=MirrorNames(origins=((MIRROR.name, registry.host),)))
    origin = registry.reference("app", tag="v1")
    mirrored = Reference.parse(f"{MIRROR}/app:v1")
    answer = admit(engine, question(mirrored, origin, replace(mirrored, digest=IMAGE)), SCOPE, world.deadline())
    assert answer.verdict is Verdict.ALLOW
    assert [item.reference for item in answer.images] == [mirrored, origin, replace(mirrored, digest=IMAGE)]
    assert {item.digest for item in answer.images} == {IMAGE}
    assert {item.repository for item in world.log.decisions[0].artefacts} == {origin.repository}
    document: Any = world.policy.asked[-1]
    assert [item["ref"] for item in document["images"]] == [str(origin), f"{origin}@{IMAGE}"]
    assert admit(world.engine(), question(mirrored), SCOPE, world.deadline()).verdict is not Verdict.ALLOW


def test_the_same_reference_twice_is_no_question() -> None:
    reference = Reference.parse("registry.example/app:v1")
    with pytest.raises(ValueError, match="twice"):
        question(reference, reference)


def test_one_bad_image_among_three_denies_all_and_is_the_one_that_is_named(registry: FakeRegistry) -> None:
    tagged, pinned = registry.reference("app", tag="v1"), registry.reference("app", digest=IMAGE)
    answer = ask(World(), tagged, registry.reference("bare", tag="v1"), pinned)
    assert answer.verdict is Verdict.INDETERMINATE
    assert [item.verdict for item in answer.images] == [Verdict.ALLOW, Verdict.DENY, Verdict.ALLOW]
    assert (answer.images[1].code, answer.images[1].digest) == ("absent", IMAGE)
    assert "signature.authority" in answer.images[1].message


def test_a_registry_that_is_down_denies_and_may_be_repeated(registry: FakeRegistry) -> None:
    registry.faults["/v2/app/manifests/v1"] = Fault(status=502)
    answer = ask(World(), registry.reference("app", tag="v1"))
    assert (answer.verdict, answer.retryable) == (Verdict.INDETERMINATE, True)
    assert (answer.images[0].code, answer.images[0].digest) == ("registry_unavailable", None)


def test_a_denial_about_the_whole_request_is_a_denial_of_every_image(registry: FakeRegistry) -> None:
    world = World()
    world.policy.error = Unavailable("policy_engine_unavailable", "down", remedy="start it")
    answer = ask(world, registry.reference("app", tag="v1"), registry.reference("app", digest=IMAGE))
    assert (answer.verdict, answer.retryable) == (Verdict.DENY, True)
    assert {item.code for item in answer.images} == {"policy_engine_unavailable"}


def test_a_log_that_is_down_leaves_no_answer(registry: FakeRegistry) -> None:
    world = World()
    world.log.error = Unavailable("log_unavailable", "down", remedy="start it")
    with pytest.raises(Unavailable) as caught:
        ask(world, registry.reference("app", tag="v1"))
    assert caught.value.code == "log_unavailable"


def test_images_that_run_already_are_left_unjudged_and_the_request_is_decided(registry: FakeRegistry) -> None:
    world = World()
    asked = question(registry.reference("bare", tag="v1"), registry.reference("bare", digest=IMAGE))
    answer = admit(world.engine(), replace(asked, images_unchanged=True), SCOPE, world.deadline())

    assert answer.verdict is Verdict.ALLOW
    assert [(item.digest, item.runs_already) for item in answer.images] == [(None, True), (IMAGE, True)]
    assert [document["schema"] for document in world.policy.asked] == ["assay.request/v1"]
    assert registry.requests == []
    assert world.log.decisions[0].images_unchanged
    assert ask(World(), *asked.references).verdict is Verdict.INDETERMINATE


def test_a_request_rule_still_denies_images_that_run_already(registry: FakeRegistry) -> None:
    world = World()
    world.policy.denied_registries = frozenset({registry.reference("app", tag="v1").repository.registry})
    asked = replace(question(registry.reference("app", tag="v1")), images_unchanged=True)

    assert admit(world.engine(), asked, SCOPE, world.deadline()).verdict is Verdict.DENY


def test_the_labels_a_tenant_was_found_by_are_facts_of_the_request(registry: FakeRegistry) -> None:
    world = World()
    scope = replace(SCOPE, namespace_labels=(("team", "a"),))
    admit(world.engine(), question(registry.reference("app", tag="v1")), scope, world.deadline())
    request: Any = world.policy.asked[-1]["request"]
    assert request["k8s"]["namespace_labels"] == {"team": "a"}


def test_who_asked_is_kept_apart_from_what_the_policy_sees(registry: FakeRegistry) -> None:
    world = World()
    admit(world.engine(), replace(question(registry.reference("app", tag="v1")), dry_run=True), SCOPE, world.deadline())
    decision = world.log.decisions[0]
    assert decision.dry_run
    assert decision.preimage == (
        b'{"caller":"client certificate","kind":"Pod","name":"web","namespace":"shop",'
        b'"service_account":"","uid":"uid-1","user":"alice"}'
    )
    request: Any = world.policy.asked[-1]["request"]
    assert (request["k8s"]["namespace"], request["k8s"]["labels"]) == ("shop", {"app": "web"})


def on_trial(world: World, mode: Mode) -> World:
    """A world in which nothing that only the bare image lacks is enforced."""
    codes = ("signature.authority", "provenance.builder", "sbom.found", "licence.denied")
    loaded = world.policy.policy
    world.policy.policy = replace(loaded, modes={(TENANT, ENVIRONMENT): dict.fromkeys(codes, mode)})
    world.policy.answer = lambda answer: {**answer, "allow": True}
    world.policy.only = Stage.EVIDENCE
    return world


def test_what_a_rule_on_trial_finds_is_recorded_and_told_to_nobody_who_asks(registry: FakeRegistry) -> None:
    world = on_trial(World(), Mode.SHADOW)
    answer = ask(world, registry.reference("bare", tag="v1"))
    assert (answer.verdict, answer.findings) == (Verdict.ALLOW, ())
    assert {finding.status for finding in world.log.decisions[0].findings} == {Status.SHADOW}


def test_what_a_rule_that_warns_finds_is_told(registry: FakeRegistry) -> None:
    answer = ask(on_trial(World(), Mode.WARN), registry.reference("bare", tag="v1"))
    assert (answer.verdict, {finding.status for finding in answer.findings}) == (Verdict.ALLOW, {Status.WARNING})
