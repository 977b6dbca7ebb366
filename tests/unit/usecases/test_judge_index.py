"""An index is allowed when every platform is: by evidence on the index, on the platform, or by signed statements."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from assay.domain.decision import DecisionKind, Verdict
from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.evidence import GapKind
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat
from assay.domain.limit import Limits
from assay.usecases.engine import Scope, Source
from assay.usecases.judge import Judged, judge_reference
from tests.fakes.buildkit import FakeImage, FakeIndex
from tests.fakes.engine import World, good_bundles
from tests.fakes.oci import put_bundle, rendered
from tests.fakes.policy import ENVIRONMENT, PROVENANCE_TYPE, SPDX_TYPE, TENANT, provenance_predicate, spdx_predicate
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority

SCOPE = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
RELEASE, STRANGER = FakeAuthority(), FakeAuthority("stranger")
PLAIN = FakeIndex.of("amd64", "arm64")
BUILT = PLAIN.attested()
AMD, ARM = PLAIN.images


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        yield fake


def judge(
    registry: FakeRegistry, *, limits: Limits | None = None, formats: frozenset[EvidenceFormat] = EVERY_FORMAT
) -> Judged:
    world = World()
    engine = replace(world.engine(), limits=limits or Limits(), formats=formats)
    source = Source(registry=engine.registry)
    return judge_reference(engine, source, registry.reference("app", tag="v1"), SCOPE, world.deadline())


def attach(registry: FakeRegistry, subject: bytes, *kinds: str, authority: FakeAuthority = RELEASE) -> None:
    bundles = good_bundles(authority, Digest.of(subject))
    for kind in kinds or bundles:
        put_bundle(registry, "app", subject, bundles[kind])


def blocking(judged: Judged) -> set[tuple[str, str]]:
    return {(finding.platform, finding.code) for finding in judged.verdict.findings if finding.blocks}


def reasons(judged: Judged) -> set[str]:
    return {reason for finding in judged.verdict.findings if finding.blocks for reason in finding.reasons}


def documents(judged: Judged) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for canonical in judged.facts.documents:
        document = json.loads(canonical.content())
        image = document["image"]
        assert isinstance(image, dict)
        found[image["digest"]] = document
    return found


def test_evidence_on_every_platform_allows_the_index(registry: FakeRegistry) -> None:
    digest = PLAIN.put(registry, "app")
    for image in PLAIN.images:
        attach(registry, image.manifest)
    judged = judge(registry)
    assert (judged.verdict.verdict, judged.digest, judged.facts.source_commit) == (Verdict.ALLOW, digest, "c0" * 20)
    assert set(documents(judged)) == {AMD.digest.text, ARM.digest.text}


def test_evidence_on_the_index_counts_for_everything_it_lists(registry: FakeRegistry) -> None:
    PLAIN.put(registry, "app")
    attach(registry, PLAIN.octets)
    judged = judge(registry)
    assert judged.verdict.verdict is Verdict.ALLOW
    for digest, document in documents(judged).items():
        assert document["image"]["indexes"] == [PLAIN.digest.text]
        assert document["image"]["platforms"][0]["digest"] == digest
        assert {claim["bound_to"] for claim in (*document["signatures"], *document["attestations"])} == {
            PLAIN.digest.text
        }


def test_a_platform_that_nobody_signed_denies_the_index_and_is_named(registry: FakeRegistry) -> None:
    PLAIN.put(registry, "app")
    attach(registry, AMD.manifest)
    judged = judge(registry)
    assert judged.verdict.verdict is Verdict.INDETERMINATE
    assert {platform for platform, _ in blocking(judged)} == {"linux/arm64"}
    assert {gap.platform for gap in judged.facts.gaps if gap.code != "not_collected"} == {"linux/arm64"}
    attach(registry, ARM.manifest)
    assert judge(registry).verdict.verdict is Verdict.ALLOW


@pytest.mark.parametrize("kind", ["provenance", "sbom"])
def test_what_is_bound_to_one_platform_never_speaks_for_another(registry: FakeRegistry, kind: str) -> None:
    PLAIN.put(registry, "app")
    attach(registry, PLAIN.octets, *({"signature", "provenance", "sbom"} - {kind}))
    attach(registry, AMD.manifest, kind)
    judged = judge(registry)
    assert {platform for platform, _ in blocking(judged)} == {"linux/arm64"}
    attach(registry, ARM.manifest, kind)
    assert judge(registry).verdict.verdict is Verdict.ALLOW


def test_the_worst_platform_decides(registry: FakeRegistry) -> None:
    PLAIN.put(registry, "app")
    attach(registry, PLAIN.octets, "signature", "provenance")
    attach(registry, AMD.manifest, "sbom")
    denied = RELEASE.bundle(ARM.digest, predicate_type=SPDX_TYPE, predicate=spdx_predicate("GPL-3.0-only"))
    put_bundle(registry, "app", ARM.manifest, denied)
    judged = judge(registry)
    assert (judged.verdict.verdict, blocking(judged)) == (Verdict.DENY, {("linux/arm64", "licence.denied")})
    assert dict(judged.verdict.checked)["licence.denied"] == 2


def test_an_index_that_adds_an_unsigned_platform_to_a_signed_one_is_denied(registry: FakeRegistry) -> None:
    attach(registry, AMD.manifest)
    FakeIndex(images=(AMD,)).put(registry, "app")
    assert judge(registry).verdict.verdict is Verdict.ALLOW
    PLAIN.put(registry, "app")
    assert judge(registry).verdict.verdict is Verdict.INDETERMINATE


def test_an_unsigned_child_of_a_signed_index_is_denied_when_it_is_named_itself(registry: FakeRegistry) -> None:
    PLAIN.put(registry, "app")
    attach(registry, PLAIN.octets)
    world = World()
    reference = registry.reference("app", digest=AMD.digest)
    judged = judge_reference(
        world.engine(), Source(registry=world.engine().registry), reference, SCOPE, world.deadline()
    )
    assert (judged.verdict.verdict, reasons(judged)) == (Verdict.INDETERMINATE, {"absent"})


def test_statements_of_buildkit_count_under_a_signature_of_the_index(registry: FakeRegistry) -> None:
    BUILT.put(registry, "app")
    attach(registry, BUILT.octets, "signature")
    judged = judge(registry)
    assert judged.verdict.verdict is Verdict.ALLOW
    for digest, document in documents(judged).items():
        claims = {(item["predicate_type"], item["bound_to"], item["format"]) for item in document["attestations"]}
        assert claims == {(kind, digest, "buildkit") for kind in (PROVENANCE_TYPE, SPDX_TYPE)}
        assert {tuple(item["trust"]) for item in document["attestations"]} == {("release",)}


def test_statements_of_buildkit_are_not_read_when_their_format_is_off(registry: FakeRegistry) -> None:
    BUILT.put(registry, "app")
    attach(registry, BUILT.octets, "signature")
    assert judge(registry).verdict.verdict is Verdict.ALLOW
    registry.requests.clear()
    digests = [Digest.of(item.manifest) for item in BUILT.attestations]
    judged = judge(registry, formats=EVERY_FORMAT - {EvidenceFormat.LISTED_STATEMENTS})
    assert judged.verdict.verdict is not Verdict.ALLOW
    assert not any(entry.hex in path for entry in digests for path in registry.paths())


def test_statements_in_an_index_that_nobody_signed_are_a_gap_of_their_own(registry: FakeRegistry) -> None:
    BUILT.put(registry, "app")
    for image in BUILT.images:
        attach(registry, image.manifest, "signature")
    judged = judge(registry)
    assert (judged.verdict.verdict, reasons(judged)) == (Verdict.INDETERMINATE, {"attestation_unsigned"})
    unsigned = {(gap.kind, gap.platform) for gap in judged.facts.gaps if gap.code == "attestation_unsigned"}
    assert len(unsigned) == 4
    for image in BUILT.images:
        attach(registry, image.manifest, "provenance", "sbom")
    judged = judge(registry)
    assert judged.verdict.verdict is Verdict.ALLOW
    assert {gap.code for gap in judged.facts.gaps} == {"not_collected"}


def test_an_attestation_manifest_that_is_a_referrer_too_is_read_as_the_indexs(registry: FakeRegistry) -> None:
    kind = "application/vnd.docker.attestation.manifest.v1+json"
    subject = rendered(OCI_MANIFEST, AMD.manifest)
    only = FakeIndex(images=(AMD,)).attested(manifest=lambda made: made.update(artifactType=kind, subject=subject))
    only.put(registry, "app")
    judged = judge(registry)
    assert (judged.facts.rejected, reasons(judged)) == ((), {"absent", "attestation_unsigned"})
    attach(registry, only.octets, "signature")
    assert judge(registry).verdict.verdict is Verdict.ALLOW


def test_a_signature_by_a_stranger_makes_no_statement_count(registry: FakeRegistry) -> None:
    BUILT.put(registry, "app")
    attach(registry, BUILT.octets, "signature", authority=STRANGER)
    judged = judge(registry)
    assert judged.verdict.verdict is not Verdict.ALLOW
    assert judged.facts.evidence == ()
    attach(registry, BUILT.octets, "signature")
    assert judge(registry).verdict.verdict is Verdict.ALLOW


def test_an_attestation_of_the_index_is_no_signature_that_makes_statements_count(registry: FakeRegistry) -> None:
    BUILT.put(registry, "app")
    attach(registry, BUILT.octets, "provenance")
    judged = judge(registry)
    assert (GapKind.SBOM, "attestation_unsigned") in {(gap.kind, gap.code) for gap in judged.facts.gaps}


def test_attestation_manifests_are_no_platforms_that_need_evidence(registry: FakeRegistry) -> None:
    BUILT.put(registry, "app")
    attach(registry, BUILT.octets)
    judged = judge(registry)
    assert (judged.verdict.verdict, len(judged.facts.documents)) == (Verdict.ALLOW, 2)


def test_an_image_that_is_called_an_attestation_is_a_platform(registry: FakeRegistry) -> None:
    attach(registry, AMD.manifest)
    hidden = ARM.entry(annotations={"vnd.docker.reference.type": "attestation-manifest"})
    FakeIndex(images=(AMD,), more=(hidden,)).put(registry, "app")
    registry.put_blob("app", ARM.config)
    registry.put_manifest("app", ARM.manifest)
    assert judge(registry).verdict.verdict is Verdict.INDETERMINATE
    attach(registry, ARM.manifest)
    assert judge(registry).verdict.verdict is Verdict.ALLOW


def test_all_evidence_of_a_call_shares_one_room(registry: FakeRegistry) -> None:
    PLAIN.put(registry, "app")
    for image in PLAIN.images:
        attach(registry, image.manifest)
    needed = sum(len(bundle) for image in PLAIN.images for bundle in good_bundles(RELEASE, image.digest).values())
    # Signatures differ by a few bytes each time they are made.
    assert judge(registry, limits=Limits(evidence_octets=needed + 100)).verdict.verdict is Verdict.ALLOW
    judged = judge(registry, limits=Limits(evidence_octets=needed * 2 // 3))
    assert (judged.verdict.verdict, "evidence_limit" in reasons(judged)) == (Verdict.INDETERMINATE, True)


def test_all_referrers_of_a_call_are_counted_together(registry: FakeRegistry) -> None:
    PLAIN.put(registry, "app")
    for image in PLAIN.images:
        attach(registry, image.manifest)
    assert judge(registry, limits=Limits(referrers=6)).verdict.verdict is Verdict.ALLOW
    judged = judge(registry, limits=Limits(referrers=5))
    assert (judged.verdict.verdict, reasons(judged)) == (Verdict.INDETERMINATE, {"evidence_limit"})


def test_everything_is_fetched_once(registry: FakeRegistry) -> None:
    BUILT.put(registry, "app")
    attach(registry, BUILT.octets, "signature")
    judge(registry)
    # The same statement of two platforms would be two statements: each names its own digest.
    assert len(registry.paths()) == len(set(registry.paths()))


def test_an_outage_on_one_platform_may_pass(registry: FakeRegistry) -> None:
    PLAIN.put(registry, "app")
    attach(registry, PLAIN.octets)
    registry.faults[f"/v2/app/referrers/{ARM.digest}"] = Fault(status=500)
    judged = judge(registry)
    assert (judged.verdict.verdict, judged.verdict.retryable) == (Verdict.INDETERMINATE, True)
    assert {platform for platform, _ in blocking(judged)} == {"linux/arm64"}


def test_different_sources_name_no_commit(registry: FakeRegistry) -> None:
    PLAIN.put(registry, "app")
    attach(registry, PLAIN.octets, "signature", "sbom")
    for image, commit in zip(PLAIN.images, ("aa", "bb"), strict=True):
        predicate = provenance_predicate(commit=commit * 20)
        made = RELEASE.bundle(image.digest, predicate_type=PROVENANCE_TYPE, predicate=predicate)
        put_bundle(registry, "app", image.manifest, made)
    judged = judge(registry)
    assert (judged.verdict.verdict, judged.facts.source_commit) == (Verdict.ALLOW, "")


def test_a_signed_index_that_lists_an_artifact_is_denied(registry: FakeRegistry) -> None:
    chart = FakeImage.of("amd64", artifactType="application/vnd.cncf.helm.config.v1+json")
    broken = FakeIndex(images=(ARM,), more=(rendered(OCI_MANIFEST, chart.manifest),))
    broken.put(registry, "app")
    registry.put_manifest("app", chart.manifest)
    attach(registry, broken.octets)
    judged = judge(registry)
    assert (judged.verdict.verdict, reasons(judged)) == (Verdict.DENY, {"manifest_malformed"})
