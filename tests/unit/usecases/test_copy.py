"""What is copied is there, under the same digests, and nobody sees a tag without it."""

from collections.abc import Iterator

import pytest

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, Content
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from assay.formats.predicate import Predicate
from assay.ports import CopyingRegistry
from assay.usecases.attach import Form, attest_targets, sign_targets
from assay.usecases.copy import Copied, Route, copy_image
from assay.usecases.sign import KeyEvidenceSigner
from assay.usecases.verify_image import verify_image
from tests.fakes.desk import make_client, make_desk, make_place
from tests.fakes.engine import trust_in
from tests.fakes.oci import CONFIG, bundle_referrer, image, index, put_bundle, put_image, rendered, soon
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority

SBOM = Predicate(type="https://cyclonedx.org/bom", body={})
OTHER = FakeAuthority("other")


@pytest.fixture(params=[True, False], ids=["referrers API", "fallback tag"])
def target(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    with FakeRegistry.start(referrers_api=request.param) as fake:
        yield fake


@pytest.fixture(params=[True, False], ids=["from referrers API", "from fallback tag"])
def source(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    with FakeRegistry.start(referrers_api=request.param) as fake:
        yield fake


def sign(repository: Repository, content: Content, *, signer: FakeAuthority | None = None) -> None:
    for form in Form:
        desk = make_desk(make_client(), repository, signer=KeyEvidenceSigner(signer or FakeAuthority()), form=form)
        sign_targets(desk, [content], annotations=[])
        attest_targets(desk, [content], SBOM)


def copy(
    source: FakeRegistry,
    target: FakeRegistry,
    root: Content,
    *,
    tag: str = "v1",
    layers: bool = True,
    carrier: CopyingRegistry | None = None,
) -> Copied:
    route = Route(
        source=make_client(),
        origin=make_place(source.repository("app")),
        target=make_client(),
        destination=make_place(target.repository("mirror/app")),
        layers=layers,
        carrier=carrier,
    )
    return copy_image(route, root, tag=tag)


def claims(registry: FakeRegistry, digest: Digest) -> int:
    reference = registry.reference("mirror/app", digest=digest)
    return len(
        verify_image(make_client(), reference, trust_in(FakeAuthority().authority, OTHER.authority), soon()).claims
    )


def test_an_image_arrives_with_all_its_evidence(source: FakeRegistry, target: FakeRegistry) -> None:
    root = put_image(source, "app")
    sign(source.repository("app"), root)
    copied = copy(source, target, root)
    assert copied.manifests[0] == root.digest
    assert copied.tags == (f"sha256-{root.digest.hex}.sig", f"sha256-{root.digest.hex}.att", "v1")
    assert claims(target, root.digest) == 4
    assert make_client().resolve(target.reference("mirror/app", tag="v1"), soon()).octets == root.octets
    assert target.shelf("mirror/app").blobs.keys() >= {Digest.of(CONFIG).text, Digest.of(b"layer").text}


def test_a_client_of_both_sides_carries_the_blobs_itself(source: FakeRegistry, target: FakeRegistry) -> None:
    root = put_image(source, "app")
    sign(source.repository("app"), root)
    copied = copy(source, target, root, carrier=make_client())
    assert copied == copy(source, target, root)
    assert claims(target, root.digest) == 4
    assert target.shelf("mirror/app").blobs.keys() >= {Digest.of(CONFIG).text, Digest.of(b"layer").text}


def test_an_index_arrives_with_every_platform_and_its_evidence(source: FakeRegistry, target: FakeRegistry) -> None:
    platform = put_image(source, "app")
    document = index(rendered(OCI_MANIFEST, platform.octets, platform={"os": "linux", "architecture": "amd64"}))
    source.put_manifest("app", document, OCI_INDEX, tag="multi")
    root = Content(media_type=OCI_INDEX, octets=document, digest=Digest.of(document))
    for content in (platform, root):
        sign(source.repository("app"), content)
    assert copy(source, target, root).manifests[:2] == (platform.digest, root.digest)
    assert claims(target, root.digest) == 8


def test_what_speaks_about_evidence_arrives_too(source: FakeRegistry, target: FakeRegistry) -> None:
    client, root = make_client(), put_image(source, "app")
    first = put_bundle(source, "app", root.octets, b"bundle")
    about = bundle_referrer(source.shelf("app").manifests[first.text][1], b"bundle")
    for content in (bundle_referrer(root.octets, b"bundle"), about):
        client.push_manifest(source.repository("app"), content, OCI_MANIFEST, soon())
    assert copy(source, target, root).manifests == (root.digest, first, Digest.of(about))


def test_signatures_that_the_target_has_stay(source: FakeRegistry, target: FakeRegistry) -> None:
    root = put_image(source, "app")
    sign(source.repository("app"), root)
    put_image(target, "mirror/app")
    sign(target.repository("mirror/app"), root, signer=OTHER)
    copy(source, target, root)
    copy(source, target, root)
    assert claims(target, root.digest) == 8


def test_the_tag_comes_last(source: FakeRegistry, target: FakeRegistry) -> None:
    root = put_image(source, "app")
    sign(source.repository("app"), root)
    copy(source, target, root)
    written = [path for path in target.paths("PUT") if "/manifests/" in path]
    assert written[0].endswith(root.digest.text)
    assert written[-1] == "/v2/mirror/app/manifests/v1"
    assert copy(source, target, root, tag="").tags[-1].endswith(".att")


def test_an_interrupted_copy_leaves_no_tag(source: FakeRegistry, target: FakeRegistry) -> None:
    root = put_image(source, "app")
    sign(source.repository("app"), root)
    tag = f"sha256-{root.digest.hex}.att"
    target.faults[f"/v2/mirror/app/manifests/{tag}"] = Fault(status=500, method="PUT")
    with pytest.raises(AssayError):
        copy(source, target, root)
    assert "v1" not in target.shelf("mirror/app").tags
    target.faults.clear()
    copy(source, target, root)
    assert target.shelf("mirror/app").tags["v1"] == root.digest.text


def test_layers_may_stay_behind_but_not_those_of_evidence(source: FakeRegistry, target: FakeRegistry) -> None:
    root = put_image(source, "app")
    sign(source.repository("app"), root)
    copy(source, target, root, layers=False)
    assert Digest.of(b"layer").text not in target.shelf("mirror/app").blobs
    assert claims(target, root.digest) == 4


def refusal(source: FakeRegistry, target: FakeRegistry, root: Content, limits: Limits | None = None) -> str:
    route = Route(
        source=make_client(),
        origin=make_place(source.repository("app"), limits),
        target=make_client(),
        destination=make_place(target.repository("mirror/app")),
    )
    with pytest.raises(InvalidInput) as caught:
        copy_image(route, root)
    return caught.value.code


def test_a_referrer_that_is_listed_but_not_there_ends_the_copy(target: FakeRegistry) -> None:
    with FakeRegistry.start() as source:
        root = put_image(source, "app")
        put_bundle(source, "app", root.octets, b"bundle")
        absent = Digest.of(bundle_referrer(root.octets, b"bundle"))
        source.faults[f"/v2/app/manifests/{absent}"] = Fault(status=404)
        assert refusal(source, target, root) == "manifest_unknown"
        source.faults.clear()
        assert copy(source, target, root).manifests[-1] == absent


def test_more_evidence_than_the_limit_ends_the_copy(target: FakeRegistry) -> None:
    with FakeRegistry.start() as source:
        root = put_image(source, "app")
        for number in range(3):
            put_bundle(source, "app", root.octets, b"bundle %d" % number)
        assert refusal(source, target, root, Limits(referrers=3)) == "evidence_limit"
        assert len(copy(source, target, root).manifests) == 4


def test_evidence_that_others_keep_taking_away_ends_the_copy(source: FakeRegistry, target: FakeRegistry) -> None:
    root = put_image(source, "app")
    sign(source.repository("app"), root)
    tag = f"sha256-{root.digest.hex}.sig"
    target.faults[f"/v2/mirror/app/manifests/{tag}"] = Fault(status=404, method="GET")
    with pytest.raises(AssayError) as caught:
        copy(source, target, root)
    assert caught.value.code == "registry_unavailable"


def test_a_legacy_tag_that_holds_an_index_ends_the_copy(source: FakeRegistry, target: FakeRegistry) -> None:
    root = put_image(source, "app")
    source.put_manifest("app", index(), OCI_INDEX, tag=f"sha256-{root.digest.hex}.sbom")
    assert refusal(source, target, root) == "index_unsupported"
    source.put_manifest("app", image(), tag=f"sha256-{root.digest.hex}.sbom")
    assert copy(source, target, root).tags == (f"sha256-{root.digest.hex}.sbom", "v1")
