"""A workload that names an index: the hooks around the real engine pin it to the index that was judged."""

import json
from collections.abc import Iterator

import pytest

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.usecases.admit import AdmissionScope, admit
from assay_webhooks.application import create_application
from tests.fakes.admission import Json, WebhookMetrics, apply_patch, patch_of, pod, review
from tests.fakes.buildkit import FakeIndex
from tests.fakes.clock import FrozenClock
from tests.fakes.engine import World, good_bundles
from tests.fakes.oci import put_bundle
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority

SCOPE = AdmissionScope(tenant=TENANT, environment=ENVIRONMENT, caller="client certificate")
INDEX = FakeIndex.of("amd64", "arm64")
AMD, ARM = INDEX.images
RELEASE = FakeAuthority()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        INDEX.put(fake, "app")
        yield fake


def attach(registry: FakeRegistry, subject: bytes) -> None:
    for bundle in good_bundles(RELEASE, Digest.of(subject)).values():
        put_bundle(registry, "app", subject, bundle)


def ask(world: World, hook: str, *images: str) -> Json:
    def answer(question: AdmissionQuestion, deadline: Deadline) -> AdmissionAnswer:
        return admit(world.engine(), question, SCOPE, deadline)

    client = create_application(answer, WebhookMetrics(), lambda: (), FrozenClock()).test_client()
    body = json.dumps(review(pod(*images)))
    answered = client.post(f"/{hook}?timeout=10s", data=body, content_type="application/json")
    response: Json = answered.get_json()["response"]
    return response


def test_a_tag_of_an_index_is_pinned_to_the_index_that_was_judged(registry: FakeRegistry) -> None:
    attach(registry, INDEX.octets)
    tagged = f"{registry.host}/app:v1"
    response = ask(World(), "mutate", tagged)
    assert response["allowed"], response
    pinned = f"{tagged}@{INDEX.digest}"
    assert apply_patch(pod(tagged), patch_of(response)) == pod(pinned)
    assert ask(World(), "validate", pinned)["allowed"]


def test_an_index_with_one_platform_that_nobody_signed_is_denied_by_name(registry: FakeRegistry) -> None:
    attach(registry, AMD.manifest)
    tagged = f"{registry.host}/app:v1"
    denied = ask(World(), "mutate", tagged)
    assert (denied["allowed"], "patch" in denied) == (False, False)
    assert INDEX.digest.text in denied["status"]["message"]
    attach(registry, ARM.manifest)
    assert ask(World(), "mutate", tagged)["allowed"]


def test_a_platform_of_a_signed_index_needs_evidence_of_its_own_when_it_is_pinned_itself(
    registry: FakeRegistry,
) -> None:
    attach(registry, INDEX.octets)
    pinned = f"{registry.host}/app@{ARM.digest}"
    assert not ask(World(), "validate", pinned)["allowed"]
    attach(registry, ARM.manifest)
    assert ask(World(), "validate", pinned)["allowed"]


def test_the_recorded_decision_says_what_each_claim_is_bound_to(registry: FakeRegistry) -> None:
    attach(registry, INDEX.octets)
    attach(registry, AMD.manifest)
    world = World()
    ask(world, "mutate", f"{registry.host}/app:v1")
    (decision,) = world.log.decisions
    assert [artefact.digest for artefact in decision.artefacts] == [INDEX.digest]
    found = {
        document["image"]["digest"]: {claim["bound_to"] for claim in document["signatures"]}
        for document in json.loads(decision.document.content())["evidence"]
    }
    assert found == {
        AMD.digest.text: {AMD.digest.text, INDEX.digest.text},
        ARM.digest.text: {INDEX.digest.text},
    }
