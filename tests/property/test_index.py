"""Whatever evidence lies where: an index is allowed exactly when every platform has all of it, and never by a fault."""

import contextlib
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.platform import Platform
from assay.domain.reference import Reference, Repository
from assay.usecases.engine import Scope, Source
from assay.usecases.judge import judge_reference
from tests.fakes.buildkit import FakeIndex
from tests.fakes.engine import World, good_bundles
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.oci import put_bundle
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.signing import FakeAuthority

SCOPE = Scope(kind=DecisionKind.GATE, tenant=TENANT, environment=ENVIRONMENT)
PLAIN = FakeIndex.of("amd64", "arm64")
BUILT = PLAIN.attested()
KINDS = ("signature", "provenance", "sbom")
PLACES = ("index", "amd64", "arm64")
REFERENCE = Reference(repository=Repository(registry="registry.test", path="app"), tag="v1")
Evidence = frozenset[tuple[str, str]]
EVIDENCE: st.SearchStrategy[Evidence] = st.frozensets(st.tuples(st.sampled_from(PLACES), st.sampled_from(KINDS)))


@cache
def bundles(subject: bytes) -> dict[str, bytes]:
    return good_bundles(FakeAuthority(), Digest.of(subject))


def subjects(index: FakeIndex) -> dict[str, bytes]:
    return {"index": index.octets} | {image.architecture: image.manifest for image in index.images}


def publish(index: FakeIndex, evidence: Evidence) -> MemoryRegistry:
    registry = MemoryRegistry()
    index.put(registry, "app")
    for place, kind in sorted(evidence):
        subject = subjects(index)[place]
        put_bundle(registry, "app", subject, bundles(subject)[kind])
    return registry


def verdict(registry: MemoryRegistry) -> Verdict:
    world = World(registry=registry)
    return judge_reference(
        world.engine(), Source(registry=registry), REFERENCE, SCOPE, world.deadline()
    ).verdict.verdict


def allowed(evidence: Evidence, *, built: bool) -> bool:
    """What the document on indexes says."""
    listed = built and ("index", "signature") in evidence
    return all(
        ("index", kind) in evidence or (image, kind) in evidence or (listed and kind != "signature")
        for image in ("amd64", "arm64")
        for kind in KINDS
    )


@given(evidence=EVIDENCE, built=st.booleans())
def test_an_index_is_allowed_exactly_when_every_platform_has_everything(evidence: Evidence, *, built: bool) -> None:
    registry = publish(BUILT if built else PLAIN, evidence)
    assert (verdict(registry) is Verdict.ALLOW) is allowed(evidence, built=built)


@given(evidence=EVIDENCE, built=st.booleans(), data=st.data())
def test_a_fault_never_turns_a_denial_into_an_allow(evidence: Evidence, data: st.DataObject, *, built: bool) -> None:
    registry = publish(BUILT if built else PLAIN, evidence)
    known = sorted(registry.blobs.keys() | registry.manifests.keys())
    registry.failing = set(data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=3)))
    assert verdict(registry) is not Verdict.ALLOW or allowed(evidence, built=built)


@given(text=st.text(max_size=40) | st.from_regex(r"[a-z]{1,9}/[a-z0-9]{1,9}(/[a-z0-9]{1,9})?", fullmatch=True))
def test_a_platform_reads_back_or_is_refused(text: str) -> None:
    platform = None
    with contextlib.suppress(InvalidInput):
        platform = Platform.parse(text)
    assert platform is None or str(platform) == text
