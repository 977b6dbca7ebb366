"""The chain holds link by link, and says where it breaks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.predicate import Predicate
from assay.ports import EvidenceSigner
from assay.usecases.attach import attest_targets, sign_targets
from assay.usecases.prove import Link, Proof, Source, Standing, prove
from assay.usecases.sign import KeyEvidenceSigner
from assay.usecases.verify_image import verify_image
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.desk import KeylessSigner, make_client, make_desk
from tests.fakes.oci import put_image, soon
from tests.fakes.policy import provenance_predicate, spdx_predicate
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import Recipe
from tests.unit.formats.test_git_commit import PLAIN, SIGNED, id_of

COMMIT = id_of(SIGNED)
PROVENANCE = "https://slsa.dev/provenance/v1"
SPDX = "https://spdx.dev/Document"
CYCLONEDX = "https://cyclonedx.org/bom"


def attestations(**changes: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    return {PROVENANCE: provenance_predicate(commit=COMMIT), SPDX: spdx_predicate("MIT"), **changes}


@dataclass
class Repository:
    """Commits by id; the implementation of the port `Commits` that tests can look into."""

    objects: dict[str, bytes] = field(default_factory=lambda: {COMMIT: SIGNED})
    signer: str | None = "alice"
    error: InvalidInput | None = None

    def find_commit(self, commit_id: str, deadline: Deadline) -> bytes | None:
        deadline.remaining("the test")
        if self.error is not None:
            raise self.error
        return self.objects.get(commit_id)

    def verify_commit(self, commit: bytes, commit_id: str, deadline: Deadline) -> str | None:
        deadline.remaining("the test")
        assert commit == self.objects[commit_id]
        return self.signer


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        yield fake


def proof_of(
    registry: FakeRegistry,
    stated: Mapping[str, Mapping[str, object]],
    *,
    signer: EvidenceSigner | None = None,
    repository: Repository | None = None,
    signed: bool = True,
    sign: bool = True,
) -> Proof:
    """Sign and attest the small image, verify it, and walk its chain."""
    signer, image = signer or KeylessSigner(), put_image(registry, "app")
    desk = make_desk(make_client(), registry.repository("app"), signer=signer)
    if sign:
        sign_targets(desk, [image], annotations=[])
    for kind, body in stated.items():
        attest_targets(desk, [image], Predicate(type=kind.partition("#")[0], body=body))
    reference = registry.reference("app", digest=image.digest)
    verification = verify_image(
        make_client(), reference, TrustSnapshot.of([signer.authority()], signer.roots()), soon()
    )
    source = Source(commits=repository, signed=signed, deadline=soon()) if repository is not None else None
    return prove(verification, source, limits=Limits())


def broken(proof: Proof) -> dict[Link, str]:
    (chain,) = proof.chains
    assert [step.link for step in chain.steps] == list(Link)
    found = {step.link: step.code for step in chain.steps if step.standing is Standing.BREAKS}
    assert proof.holds is not bool(found)
    return found


def test_a_whole_chain_holds(registry: FakeRegistry) -> None:
    proof = proof_of(registry, attestations(), repository=Repository())
    assert broken(proof) == {}
    told = {step.link: step.told for step in proof.chains[0].steps}
    assert "of the log rekor.test" in told[Link.LOG_TIME]
    assert COMMIT in told[Link.PROVENANCE]
    assert told[Link.COMMIT].endswith("signed by alice")
    assert told[Link.SBOM] == "SPDX with 1 packages"


def test_without_a_repository_the_commit_is_not_asked_for(registry: FakeRegistry) -> None:
    proof = proof_of(registry, attestations())
    assert broken(proof) == {}
    assert proof.chains[0].steps[3].standing is Standing.NOT_ASKED


def test_a_key_without_a_log_has_no_log_time(registry: FakeRegistry) -> None:
    proof = proof_of(registry, attestations(), signer=KeyEvidenceSigner(FakeAuthority()))
    assert broken(proof) == {Link.LOG_TIME: "no_verified_time"}


def test_a_timestamp_is_no_log(registry: FakeRegistry) -> None:
    proof = proof_of(registry, attestations(), signer=KeylessSigner(recipe=Recipe(body="", stamped=True)))
    assert broken(proof) == {Link.LOG_TIME: "log_entry_absent"}


def test_a_leaf_of_a_tiled_log_is_a_log_time(registry: FakeRegistry) -> None:
    tiled = KeylessSigner(recipe=Recipe(body="hashedrekord 0.0.2", stamped=True, promise=False))
    proof = proof_of(registry, attestations(), signer=tiled)
    assert broken(proof) == {}
    assert "leaf " in proof.chains[0].steps[0].told


def test_what_nobody_signed_breaks_at_the_signature(registry: FakeRegistry) -> None:
    assert broken(proof_of(registry, attestations(), sign=False)) == {
        Link.LOG_TIME: "no_verified_time",
        Link.SIGNATURE: "absent",
    }


@pytest.mark.parametrize(("missing", "link"), [(PROVENANCE, Link.PROVENANCE), (SPDX, Link.SBOM)])
def test_a_missing_attestation_breaks_its_link(registry: FakeRegistry, missing: str, link: Link) -> None:
    stated = {kind: body for kind, body in attestations().items() if kind != missing}
    assert broken(proof_of(registry, stated)) == {link: "absent"}


@pytest.mark.parametrize(
    ("predicate", "code"),
    [
        ({}, "provenance_malformed"),
        (provenance_predicate(uri="https://files.example/app.tar"), "source_unknown"),
    ],
)
def test_provenance_has_to_name_one_source(registry: FakeRegistry, predicate: Mapping[str, object], code: str) -> None:
    proof = proof_of(registry, attestations() | {PROVENANCE: predicate}, repository=Repository())
    assert broken(proof) == {Link.PROVENANCE: code, Link.COMMIT: "source_unknown"}


def test_two_attestations_of_different_sources_name_none(registry: FakeRegistry) -> None:
    other = {f"{PROVENANCE}#2": provenance_predicate(commit="c0" * 20)}
    assert broken(proof_of(registry, attestations() | other)) == {Link.PROVENANCE: "source_unknown"}
    same = {f"{PROVENANCE}#2": provenance_predicate(commit=COMMIT, builder="https://other.example/")}
    with FakeRegistry.start() as another:
        assert broken(proof_of(another, attestations() | same)) == {}


@pytest.mark.parametrize(
    ("objects", "signer", "code"),
    [
        ({}, "alice", "commit_unknown"),
        ({COMMIT: PLAIN}, "alice", "commit_malformed"),
        ({COMMIT: SIGNED}, None, "commit_unsigned"),
    ],
)
def test_the_commit_has_to_be_there_and_signed(
    registry: FakeRegistry, objects: dict[str, bytes], signer: str | None, code: str
) -> None:
    proof = proof_of(registry, attestations(), repository=Repository(objects=objects, signer=signer))
    assert broken(proof) == {Link.COMMIT: code}
    assert (proof.chains[0].commit is None) is (code != "commit_unsigned")


def test_an_unsigned_commit_is_told_from_one_of_a_stranger(registry: FakeRegistry) -> None:
    plain = id_of(PLAIN)
    stated = attestations() | {PROVENANCE: provenance_predicate(commit=plain)}
    repository = Repository(objects={plain: PLAIN}, signer=None)
    proof = proof_of(registry, stated, repository=repository)
    assert proof.chains[0].steps[3].told.endswith("is not signed")
    with FakeRegistry.start() as another:
        unasked = proof_of(another, stated, repository=repository, signed=False)
    assert (broken(unasked), unasked.chains[0].steps[3].told[-13:]) == ({}, "not asked for")


def test_a_repository_that_cannot_be_used_is_an_error(registry: FakeRegistry) -> None:
    unusable = Repository(error=InvalidInput("repository_unusable", "it is none", remedy="name one"))
    with pytest.raises(InvalidInput) as caught:
        proof_of(registry, attestations(), repository=unusable)
    assert caught.value.code == "repository_unusable"


def test_an_sbom_of_either_format_counts_and_a_broken_one_breaks(registry: FakeRegistry) -> None:
    cyclonedx = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}
    both = proof_of(registry, attestations() | {CYCLONEDX: cyclonedx})
    assert (broken(both), both.chains[0].steps[4].told) == ({}, "CycloneDX with 0 packages, SPDX with 1 packages")
    with FakeRegistry.start() as another:
        assert broken(proof_of(another, attestations() | {CYCLONEDX: {}})) == {Link.SBOM: "sbom_malformed"}
