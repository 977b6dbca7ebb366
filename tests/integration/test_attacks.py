"""What a stranger may do next to a good image, on the shipped policies and the real engine.

Each attack is pushed beside an image that is allowed; it must neither deny that image nor help a bad one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from assay.domain.decision import DecisionKind, Verdict
from assay.domain.descriptor import OCI_MANIFEST, SIGSTORE_BUNDLE
from assay.domain.digest import Digest
from assay.domain.limit import Limits
from assay.usecases.engine import Engine, Scope, Source
from assay.usecases.judge import Judged, judge_reference
from tests.fakes.engine import World, good_bundles, publish, trust_in
from tests.fakes.oci import bundle_referrer, image, put_bundle, rendered
from tests.fakes.policy import (
    CYCLONEDX_TYPE,
    ENVIRONMENT,
    PROVENANCE_TYPE,
    SPDX_TYPE,
    TENANT,
    provenance_predicate,
    spdx_predicate,
)
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority
from tests.fixtures.engines import RunningOpa, generation, running_opa, within

IMAGE = Digest.of(image())
RELEASE, OTHER_TENANT, NOBODY = FakeAuthority("release"), FakeAuthority("other"), FakeAuthority("nobody")
GOOD = good_bundles(RELEASE, IMAGE)
SCOPE = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
Push = Callable[[FakeRegistry], object]


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpa]:
    state = tmp_path_factory.mktemp("state")
    with running_opa(state, generation(state)) as running:
        yield running


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        yield fake


def make_engine(opa: RunningOpa, limits: Limits | None = None) -> Engine:
    trust = trust_in(RELEASE.authority, OTHER_TENANT.authority)
    return replace(World().engine(), policy=opa.engine, trust=trust, limits=limits or Limits())


def judge(opa: RunningOpa, registry: FakeRegistry, limits: Limits | None = None) -> Judged:
    engine = make_engine(opa, limits)
    return judge_reference(
        engine, Source(registry=engine.registry), registry.reference("app", tag="v1"), SCOPE, within(30)
    )


def blocking(judged: Judged) -> Mapping[str, tuple[str, ...]]:
    return {finding.code: finding.reasons for finding in judged.verdict.findings if finding.blocks}


def pushed(bundle: bytes, **members: object) -> Push:
    """Push a bundle as a referrer whose manifest has some members replaced."""

    def push(registry: FakeRegistry) -> None:
        registry.put_blob("app", bundle)
        registry.put_manifest("app", bundle_referrer(image(), bundle, **members))

    return push


def attested(authority: FakeAuthority, predicate_type: str, predicate: Mapping[str, object]) -> Push:
    return pushed(authority.bundle(IMAGE, predicate_type=predicate_type, predicate=predicate))


def broken_tag(suffix: str, octets: bytes) -> Push:
    return lambda registry: registry.put_manifest("app", octets, tag=f"sha256-{IMAGE.hex}{suffix}")


def without_its_blob(registry: FakeRegistry) -> None:
    registry.put_manifest("app", bundle_referrer(image(), b"never uploaded"))


STRANGERS: dict[str, Push] = {
    "denied licence": attested(OTHER_TENANT, SPDX_TYPE, spdx_predicate("GPL-3.0-only")),
    "unreadable SPDX": attested(OTHER_TENANT, SPDX_TYPE, {"packages": 1}),
    "unreadable CycloneDX": attested(OTHER_TENANT, CYCLONEDX_TYPE, {"specVersion": "9"}),
    "unreadable provenance": attested(OTHER_TENANT, PROVENANCE_TYPE, {}),
    "other provenance": attested(OTHER_TENANT, PROVENANCE_TYPE, provenance_predicate(builder="https://evil.example")),
    "unknown version": attested(OTHER_TENANT, "https://slsa.dev/provenance/v99", {}),
    "text longer than the schema takes": attested(OTHER_TENANT, "https://x.example/" + "x" * 100_000, {}),
    "key of nobody": pushed(NOBODY.bundle(IMAGE)),
    "no bundle": pushed(b"junk"),
    "type that is none": pushed(b"junk", artifactType="ünï"),
    "type without end": pushed(b"junk", artifactType=SIGSTORE_BUNDLE + "x" * 5000),
    "annotations without end": pushed(b"junk", annotations={"a": "x" * 1_000_000}),
    "too large a blob": pushed(b"junk", layers=[rendered(SIGSTORE_BUNDLE, b"junk", size=2**40)]),
    "lying size": pushed(b"junk", layers=[rendered(SIGSTORE_BUNDLE, b"junk", size=1)]),
    "no blob": without_its_blob,
    "signature tag without a manifest": broken_tag(".sig", b"[]"),
    "attestation tag without layers": broken_tag(".att", b'{"schemaVersion": 2}'),
    "deep nesting": pushed(b"[" * 100_000),
}


@pytest.mark.parametrize("push", STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_cannot_lock_a_good_image_out(opa: RunningOpa, registry: FakeRegistry, push: Push) -> None:
    publish(registry, "app", GOOD)
    push(registry)
    judged = judge(opa, registry)
    assert (blocking(judged), judged.verdict.verdict) == ({}, Verdict.ALLOW)


@pytest.mark.parametrize("missing", GOOD)
def test_the_key_of_another_tenant_does_not_help(opa: RunningOpa, registry: FakeRegistry, missing: str) -> None:
    others = good_bundles(OTHER_TENANT, IMAGE)
    publish(registry, "app", {**GOOD, missing: others[missing]})
    judged = judge(opa, registry)
    assert judged.verdict.verdict is not Verdict.ALLOW
    assert set(blocking(judged).values()) == {("all_rejected", "identity_mismatch")}
    put_bundle(registry, "app", image(), GOOD[missing])
    assert judge(opa, registry).verdict.verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("predicate_type", "predicate", "code"),
    [
        (SPDX_TYPE, spdx_predicate("GPL-3.0-only"), "licence.denied"),
        (SPDX_TYPE, {"packages": 1}, "sbom.found"),
        (PROVENANCE_TYPE, {}, "provenance.builder"),
    ],
)
def test_the_same_from_the_named_authority_denies(
    opa: RunningOpa, registry: FakeRegistry, predicate_type: str, predicate: dict[str, object], code: str
) -> None:
    publish(registry, "app", GOOD)
    attested(RELEASE, predicate_type, predicate)(registry)
    assert code in blocking(judge(opa, registry))


def test_many_strangers_do_not_disturb(opa: RunningOpa, registry: FakeRegistry) -> None:
    publish(registry, "app", GOOD)
    for number in range(997):
        pushed(b"junk %d" % number)(registry)
    judged = judge(opa, registry)
    assert (blocking(judged), judged.verdict.verdict) == ({}, Verdict.ALLOW)
    pushed(b"one more")(registry)
    assert set(blocking(judge(opa, registry)).values()) == {("evidence_limit",)}


def test_large_strangers_do_not_disturb(opa: RunningOpa, registry: FakeRegistry) -> None:
    publish(registry, "app", GOOD)
    own = sum(map(len, GOOD.values()))
    for number in range(5):
        pushed(b"%d" % number * own)(registry)
    judged = judge(opa, registry, Limits(evidence_octets=3 * own))
    assert (blocking(judged), judged.verdict.verdict) == ({}, Verdict.ALLOW)


def test_an_attestation_of_several_images_counts_for_those_alone(opa: RunningOpa, registry: FakeRegistry) -> None:
    def sbom(*named: str) -> bytes:
        subjects = [{"name": "app", "digest": {"sha256": digest}} for digest in named]
        predicate = spdx_predicate("MIT")
        return RELEASE.bundle(
            IMAGE, predicate_type=SPDX_TYPE, predicate=predicate, statement=lambda it: it.update(subject=subjects)
        )

    publish(registry, "app", {**GOOD, "sbom": sbom("ab" * 32, "cd" * 32)})
    assert set(blocking(judge(opa, registry)).values()) == {("all_rejected", "subject_mismatch")}
    pushed(sbom("ab" * 32, IMAGE.hex))(registry)
    assert judge(opa, registry).verdict.verdict is Verdict.ALLOW


def test_a_manifest_that_is_itself_a_referrer_needs_evidence_of_its_own(
    opa: RunningOpa, registry: FakeRegistry
) -> None:
    publish(registry, "app", GOOD)
    registry.put_manifest("app", bundle_referrer(image(), GOOD["signature"]), OCI_MANIFEST, tag="v1")
    judged = judge(opa, registry)
    assert judged.verdict.verdict is Verdict.INDETERMINATE
    assert {"absent"} == {reason for reasons in blocking(judged).values() for reason in reasons}
