from dataclasses import replace

import pytest

from assay.adapters.registry.candidate import CandidateRegistry
from assay.domain.artefact import Artefact
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.gate import Candidate
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import ImageManifest, parse_manifest
from tests.fakes.oci import CONFIG, EMPTY, image, index, soon

REPOSITORY = Repository(registry="registry.test", path="app")
ELSEWHERE = Repository(registry="registry.test", path="other")
ARTEFACT = Artefact(repository=REPOSITORY, digest=Digest.of(image()))
CANDIDATE = Candidate(manifest=image(), media_type=OCI_MANIFEST, config=CONFIG, bundles=(b"one", b"two", b"one"))
BUNDLE = Descriptor(media_type="a/b", digest=Digest.of(b"one"), size=3)


def take(
    candidate: Candidate = CANDIDATE, artefact: Artefact = ARTEFACT, limits: Limits | None = None
) -> CandidateRegistry:
    return CandidateRegistry.of(candidate, artefact, limits=limits or Limits())


def take_code(candidate: Candidate = CANDIDATE, artefact: Artefact = ARTEFACT, limits: Limits | None = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        take(candidate, artefact, limits)
    return caught.value.code


def test_the_manifest_and_the_config_are_served() -> None:
    registry = take()
    assert registry.resolve(ARTEFACT.reference, soon()).octets == image()
    config = Descriptor(media_type="a/b", digest=Digest.of(CONFIG), size=len(CONFIG))
    assert registry.fetch_blob(REPOSITORY, config, soon()) == CONFIG


def test_every_bundle_is_a_referrer_once() -> None:
    registry = take()
    listed = registry.list_referrers(REPOSITORY, ARTEFACT.digest, soon())
    assert [entry.artifact_type for entry in listed] == [SIGSTORE_BUNDLE] * 2
    bundles = set()
    for entry in listed:
        content = registry.find_manifest(REPOSITORY, entry.digest.text, soon())
        assert content is not None
        assert content.descriptor == replace(entry, artifact_type="")
        parsed = parse_manifest(content.octets, content.media_type, what="it", limits=Limits())
        assert isinstance(parsed, ImageManifest)
        assert parsed.subject is not None
        assert parsed.subject.digest == ARTEFACT.digest
        assert registry.fetch_blob(REPOSITORY, parsed.config, soon()) == EMPTY
        bundles.add(registry.fetch_blob(REPOSITORY, parsed.layers[0], soon()))
    assert bundles == {b"one", b"two"}


def test_documents_of_another_artefact_are_a_digest_mismatch() -> None:
    assert take_code(artefact=replace(ARTEFACT, digest=Digest.of(b"x"))) == "digest_mismatch"
    assert take_code(replace(CANDIDATE, manifest=image(annotations={"a": "b"}))) == "digest_mismatch"
    assert take_code(replace(CANDIDATE, config=b"{}")) == "digest_mismatch"
    assert take()


def test_a_manifest_that_names_another_size_of_its_config_is_a_digest_mismatch() -> None:
    config = {"mediaType": "a/b", "digest": Digest.of(CONFIG).text, "size": len(CONFIG) + 1}
    lying = image(config=config)
    assert (
        take_code(replace(CANDIDATE, manifest=lying), replace(ARTEFACT, digest=Digest.of(lying))) == "digest_mismatch"
    )


def test_an_index_is_no_candidate() -> None:
    several = index()
    candidate = replace(CANDIDATE, manifest=several, media_type=OCI_INDEX)
    assert take_code(candidate, replace(ARTEFACT, digest=Digest.of(several))) == "index_unsupported"


def test_a_wrong_media_type_is_malformed() -> None:
    assert take_code(replace(CANDIDATE, media_type="application/json")) == "manifest_malformed"


@pytest.mark.parametrize(
    ("refused", "taken"),
    [
        (Limits(referrers=2), Limits(referrers=3)),
        (Limits(blob_octets=2), Limits(blob_octets=3)),
        (Limits(evidence_octets=8), Limits(evidence_octets=9)),
    ],
)
def test_bundles_above_a_limit_are_refused(refused: Limits, taken: Limits) -> None:
    assert take_code(limits=refused) == "evidence_limit"
    assert take(limits=taken)


def test_a_candidate_may_come_without_bundles() -> None:
    registry = take(replace(CANDIDATE, bundles=()))
    assert registry.list_referrers(REPOSITORY, ARTEFACT.digest, soon()) == []


def test_nothing_else_exists() -> None:
    registry = take()
    assert registry.find_manifest(REPOSITORY, f"sha256-{ARTEFACT.digest.hex}.sig", soon()) is None
    assert registry.find_manifest(ELSEWHERE, ARTEFACT.digest.text, soon()) is None
    assert registry.list_referrers(ELSEWHERE, ARTEFACT.digest, soon()) == []
    assert registry.list_referrers(REPOSITORY, Digest.of(b"x"), soon()) == []
    for reference in (
        Reference(repository=REPOSITORY, tag="v1"),
        Reference(repository=ELSEWHERE, digest=ARTEFACT.digest),
    ):
        with pytest.raises(InvalidInput) as caught:
            registry.resolve(reference, soon())
        assert caught.value.code == "manifest_unknown"


def test_blobs_are_checked_against_their_descriptors() -> None:
    registry = take()
    with pytest.raises(InvalidInput) as caught:
        registry.fetch_blob(REPOSITORY, replace(BUNDLE, size=4), soon())
    assert caught.value.code == "digest_mismatch"
    for repository, descriptor in ((REPOSITORY, replace(BUNDLE, digest=Digest.of(b"layer"))), (ELSEWHERE, BUNDLE)):
        with pytest.raises(InvalidInput) as caught:
            registry.fetch_blob(repository, descriptor, soon())
        assert caught.value.code == "manifest_malformed"
    assert registry.fetch_blob(REPOSITORY, BUNDLE, soon()) == b"one"


def test_the_deadline_holds_here_too() -> None:
    with pytest.raises(Unavailable) as caught:
        take().resolve(ARTEFACT.reference, soon(0))
    assert caught.value.code == "deadline_exceeded"
