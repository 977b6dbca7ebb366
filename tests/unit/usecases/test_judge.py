"""One artefact's evidence: every fault on the way is a verdict, and no fault is an allow."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from assay.domain.decision import DecisionKind, Stage, StageVerdict, Verdict
from assay.domain.digest import Digest
from assay.domain.evidence import GapKind
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat
from assay.domain.limit import Limits
from assay.domain.reference import Reference
from assay.usecases.engine import Scope, Source
from assay.usecases.judge import Judged, judge_reference, leave_unjudged
from tests.fakes.engine import World, good_bundles, publish
from tests.fakes.oci import image, put_bundle
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority

SCOPE = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
IMAGE = Digest.of(image())
GOOD = good_bundles(FakeAuthority(), IMAGE)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", GOOD)
        yield fake


def judge(registry: FakeRegistry, reference: Reference, world: World | None = None) -> Judged:
    world = world or World()
    engine = world.engine()
    return judge_reference(engine, Source(registry=engine.registry), reference, SCOPE, world.deadline())


def codes(judged: Judged) -> list[str]:
    return [finding.code for finding in judged.verdict.findings if finding.blocks]


def test_a_tag_is_judged_as_the_digest_it_names(registry: FakeRegistry) -> None:
    judged = judge(registry, registry.reference("app", tag="v1"))
    assert (judged.verdict.verdict, judged.digest, judged.facts.gaps[0].code) == (Verdict.ALLOW, IMAGE, "not_collected")
    assert judged.facts.source_commit == "c0" * 20
    assert judged.facts.evidence == tuple(sorted(Digest.of(bundle) for bundle in GOOD.values()))


def test_the_document_names_the_digest_and_holds_verified_facts_alone(registry: FakeRegistry) -> None:
    world = World()
    judge(registry, registry.reference("app", tag="v1"), world)
    document = world.policy.asked[0]
    assert isinstance(document["image"], dict)
    assert isinstance(document["signatures"], list)
    assert (document["image"]["digest"], document["image"]["tag"]) == (IMAGE.text, "")
    assert [item["trust"] for item in document["signatures"]] == [["release"]]


@pytest.mark.parametrize(("reads", "platforms", "absent"), [(True, 1, False), (False, 0, True)])
def test_the_configuration_of_an_image_is_fetched_where_a_rule_may_read_it(
    registry: FakeRegistry, *, reads: bool, platforms: int, absent: bool
) -> None:
    world = World()
    world.policy.policy = replace(world.policy.policy, reads_config=reads)
    engine = world.engine()
    judged = judge_reference(
        engine, Source(registry=engine.registry), registry.reference("app", tag="v1"), SCOPE, world.deadline()
    )
    (document,) = world.policy.asked
    assert isinstance(document["image"], dict)
    assert (judged.verdict.verdict, len(document["image"]["platforms"])) == (Verdict.ALLOW, platforms)
    assert (GapKind.CONFIG in {gap.kind for gap in judged.facts.gaps}) is absent


@pytest.mark.parametrize(
    ("fault", "code", "verdict"),
    [
        (Fault(status=500), "registry_unavailable", Verdict.INDETERMINATE),
        (Fault(status=403), "registry_denied", Verdict.INDETERMINATE),
        (Fault(status=404), "manifest_unknown", Verdict.DENY),
        (Fault(octets=b"other bytes"), "digest_mismatch", Verdict.DENY),
    ],
)
def test_a_tag_that_cannot_be_resolved_is_a_verdict_without_a_digest(
    registry: FakeRegistry, fault: Fault, code: str, verdict: Verdict
) -> None:
    registry.faults["/v2/app/manifests/v1"] = fault
    judged = judge(registry, registry.reference("app", tag="v1"))
    assert (judged.verdict.verdict, codes(judged), judged.digest) == (verdict, [code], None)
    assert judged.facts.documents == ()
    assert judged.verdict.retryable is (verdict is Verdict.INDETERMINATE)


def test_a_digest_that_cannot_be_read_is_still_what_the_verdict_is_about(registry: FakeRegistry) -> None:
    registry.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=500)
    judged = judge(registry, registry.reference("app", digest=IMAGE))
    assert (judged.verdict.verdict, judged.digest) == (Verdict.INDETERMINATE, IMAGE)


def test_junk_uses_up_no_room_of_what_counts(registry: FakeRegistry) -> None:
    own = sum(map(len, GOOD.values()))
    for number in range(3):
        put_bundle(registry, "app", image(), b"%d" % number * own)
    engine = replace(World().engine(), limits=Limits(evidence_octets=2 * own))
    deadline = World().deadline()
    judged = judge_reference(
        engine, Source(registry=engine.registry), registry.reference("app", tag="v1"), SCOPE, deadline
    )
    assert (judged.verdict.verdict, {item.code for item in judged.facts.rejected}) == (
        Verdict.ALLOW,
        {"bundle_malformed"},
    )
    scarce = replace(engine, limits=Limits(evidence_octets=own - 1))
    judged = judge_reference(
        scarce, Source(registry=engine.registry), registry.reference("app", tag="v1"), SCOPE, deadline
    )
    assert "evidence_limit" in {gap.code for gap in judged.facts.gaps}


def test_an_image_that_runs_already_is_left_unjudged_and_names_its_digest(registry: FakeRegistry) -> None:
    pinned = registry.reference("app", digest=IMAGE)
    left = leave_unjudged(pinned)
    assert (left.verdict.verdict, left.digest, left.facts.documents) == (Verdict.ALLOW, IMAGE, ())
    assert left.runs_already
    assert registry.requests == []


def test_an_allow_needs_an_artefact_and_a_document(registry: FakeRegistry) -> None:
    allow = StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.ALLOW)
    with pytest.raises(ValueError, match="an allow needs"):
        Judged(reference=registry.reference("app", tag="v1"), artefact=None, verdict=allow)


def test_nothing_but_an_allow_is_given_again(registry: FakeRegistry) -> None:
    denial = StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.DENY)
    with pytest.raises(ValueError, match="given again"):
        Judged(reference=registry.reference("app", tag="v1"), artefact=None, verdict=denial, stale_seconds=10)


@pytest.mark.parametrize("kind", [None, EvidenceFormat.REFERRERS, EvidenceFormat.SIGNATURE_TAGS])
def test_evidence_in_a_format_that_is_off_allows_nothing(registry: FakeRegistry, kind: EvidenceFormat | None) -> None:
    engine, deadline = replace(World().engine(), formats=EVERY_FORMAT - {kind}), World().deadline()
    judged = judge_reference(
        engine, Source(registry=engine.registry), registry.reference("app", tag="v1"), SCOPE, deadline
    )
    assert (judged.verdict.verdict is Verdict.ALLOW) is (kind is not EvidenceFormat.REFERRERS)
    assert any("/referrers/" in path for path in registry.paths()) is (kind is not EvidenceFormat.REFERRERS)
    assert any(path.endswith(".sig") for path in registry.paths()) is (kind is not EvidenceFormat.SIGNATURE_TAGS)
