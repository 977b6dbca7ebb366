"""What is signed lies beside the image afterwards, next to everything that lay there before."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from assay.domain.descriptor import OCI_INDEX, Content
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.evidence import AttestationClaim, SignatureClaim
from assay.formats.predicate import Predicate
from assay.usecases.attach import Attached, Desk, Form, attest_targets, sign_targets
from assay.usecases.sign import KeyEvidenceSigner
from assay.usecases.verify_image import Verification, verify_image
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.desk import KeylessSigner, make_client, make_desk
from tests.fakes.engine import trust_in
from tests.fakes.oci import index, put_image, soon
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import Recipe

SBOM = Predicate(type="https://cyclonedx.org/bom", body={"bomFormat": "CycloneDX"})
OTHER = FakeAuthority("other")
FORMS = list(Form)


@pytest.fixture(params=[True, False], ids=["referrers API", "fallback tag"])
def registry(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    with FakeRegistry.start(referrers_api=request.param) as fake:
        yield fake


@pytest.fixture
def image(registry: FakeRegistry) -> Content:
    return put_image(registry, "app")


def desk(
    registry: FakeRegistry, form: Form = Form.REFERRER, signer: FakeAuthority | KeylessSigner | None = None
) -> Desk:
    chosen = KeyEvidenceSigner(signer) if isinstance(signer, FakeAuthority) else signer
    return make_desk(make_client(), registry.repository("app"), signer=chosen, form=form)


def verify(registry: FakeRegistry, digest: Digest, *authorities: FakeAuthority) -> Verification:
    trusted = trust_in(*(authority.authority for authority in authorities or (FakeAuthority(), OTHER)))
    return verify_image(make_client(), registry.reference("app", digest=digest), trusted, soon())


def refusal(attach: Callable[[], tuple[Attached, ...]]) -> str:
    with pytest.raises(AssayError) as caught:
        attach()
    return caught.value.code


@pytest.mark.parametrize("form", FORMS)
def test_a_signature_is_found_with_its_annotations(registry: FakeRegistry, image: Content, form: Form) -> None:
    (attached,) = sign_targets(desk(registry, form), [image], annotations=[("stage", "qa")])
    (claim,) = verify(registry, image.digest).claims
    assert isinstance(claim, SignatureClaim)
    assert (claim.annotations, claim.item) == ((("stage", "qa"),), attached.claim.item)
    assert attached.tag == (f"sha256-{image.digest.hex}.sig" if form is Form.LEGACY else "")


@pytest.mark.parametrize("form", FORMS)
def test_an_attestation_is_found_with_its_predicate(registry: FakeRegistry, image: Content, form: Form) -> None:
    attest_targets(desk(registry, form), [image], SBOM)
    (claim,) = verify(registry, image.digest).claims
    assert isinstance(claim, AttestationClaim)
    assert (claim.predicate_type, claim.predicate) == (SBOM.type, SBOM.body)


@pytest.mark.parametrize("form", FORMS)
def test_nobody_elses_evidence_goes_away(registry: FakeRegistry, image: Content, form: Form) -> None:
    for signer in (FakeAuthority(), OTHER, FakeAuthority()):
        sign_targets(desk(registry, form, signer), [image], annotations=[])
        attest_targets(desk(registry, form, signer), [image], SBOM)
    found = verify(registry, image.digest)
    assert len(found.claims) == 6
    assert {claim.authorities for claim in found.claims} == {("release",), ("other",)}


@pytest.mark.parametrize("form", FORMS)
def test_a_certificate_signs_in_every_form(registry: FakeRegistry, image: Content, form: Form) -> None:
    signer = KeylessSigner(recipe=Recipe(stamped=form is Form.REFERRER))
    (signature,) = sign_targets(desk(registry, form, signer), [image], annotations=[])
    (attestation,) = attest_targets(desk(registry, form, signer), [image], SBOM)
    reference = registry.reference("app", digest=image.digest)
    found = verify_image(make_client(), reference, TrustSnapshot.of([signer.authority()], signer.roots()), soon())
    assert {claim.item for claim in found.claims} == {signature.claim.item, attestation.claim.item}


def test_every_target_is_signed_in_its_turn(registry: FakeRegistry, image: Content) -> None:
    document = index({"mediaType": image.media_type, "digest": image.digest.text, "size": len(image.octets)})
    registry.put_manifest("app", document, OCI_INDEX, tag="multi")
    both = [image, Content(media_type=OCI_INDEX, octets=document, digest=Digest.of(document))]
    attached = sign_targets(desk(registry), both, annotations=[])
    assert [item.subject for item in attached] == [target.digest for target in both]


@pytest.mark.parametrize("form", FORMS)
def test_an_annotation_given_twice_is_refused(registry: FakeRegistry, image: Content, form: Form) -> None:
    twice = [("a", "1"), ("a", "2")]
    assert refusal(lambda: sign_targets(desk(registry, form), [image], annotations=twice)) == "annotation_repeated"
    assert sign_targets(desk(registry, form), [image], annotations=twice[:1])


class Forger(FakeAuthority):
    """Signs something else than it is asked to."""

    def sign(self, message: bytes) -> bytes:
        return super().sign(message + b"!")


@pytest.mark.parametrize("form", FORMS)
def test_what_does_not_verify_is_not_attached(registry: FakeRegistry, image: Content, form: Form) -> None:
    assert refusal(lambda: sign_targets(desk(registry, form, Forger()), [image], annotations=[])) == (
        "evidence_unverified"
    )
    assert refusal(lambda: attest_targets(desk(registry, form, Forger()), [image], SBOM)) == "evidence_unverified"
    assert [path for path in registry.paths("PUT") if "manifests" in path] == []


def test_a_timestamp_alone_cannot_vouch_for_a_legacy_attestation(registry: FakeRegistry, image: Content) -> None:
    signer = KeylessSigner(recipe=Recipe(body="", stamped=True))
    assert refusal(lambda: attest_targets(desk(registry, Form.LEGACY, signer), [image], SBOM)) == "evidence_unverified"
    assert sign_targets(desk(registry, Form.LEGACY, signer), [image], annotations=[])


def test_a_registry_that_forgets_the_referrer_is_noticed() -> None:
    with FakeRegistry.start() as registry:
        image = put_image(registry, "app")
        place = f"/v2/app/referrers/{image.digest}"
        registry.faults[place] = Fault(octets=index())
        assert refusal(lambda: sign_targets(desk(registry), [image], annotations=[])) == "registry_unavailable"
        registry.faults.clear()
        assert sign_targets(desk(registry), [image], annotations=[])


def test_a_layer_that_is_lost_again_and_again_is_an_error(registry: FakeRegistry, image: Content) -> None:
    tag = f"/v2/app/manifests/sha256-{image.digest.hex}.sig"
    registry.conditions = False
    registry.faults[tag] = Fault(status=404, method="GET")
    with pytest.raises(Unavailable) as caught:
        sign_targets(desk(registry, Form.LEGACY), [image], annotations=[])
    assert (caught.value.code, registry.paths("PUT").count(tag)) == ("registry_unavailable", 10)


def test_a_layer_that_another_writer_took_away_is_written_again(registry: FakeRegistry, image: Content) -> None:
    tag = f"/v2/app/manifests/sha256-{image.digest.hex}.sig"
    registry.conditions = False
    registry.faults[tag] = Fault(status=404, method="GET", times=3)
    sign_targets(desk(registry, Form.LEGACY), [image], annotations=[])
    assert verify(registry, image.digest).signed


def test_many_who_sign_at_once_lose_no_signature_under_a_legacy_tag(registry: FakeRegistry, image: Content) -> None:
    signers = [FakeAuthority(f"signer {number}") for number in range(4)]
    all_began = threading.Barrier(len(signers), timeout=60)

    def sign(signer: FakeAuthority) -> None:
        all_began.wait()
        sign_targets(desk(registry, Form.LEGACY, signer), [image], annotations=[])

    with ThreadPoolExecutor(len(signers)) as pool:
        list(pool.map(sign, signers))
    found = verify(registry, image.digest, *signers)
    assert {name for claim in found.claims for name in claim.authorities} == {signer.name for signer in signers}


def test_a_legacy_tag_that_holds_an_index_is_left_alone(registry: FakeRegistry, image: Content) -> None:
    registry.put_manifest("app", index(), OCI_INDEX, tag=f"sha256-{image.digest.hex}.sig")
    with pytest.raises(InvalidInput) as caught:
        sign_targets(desk(registry, Form.LEGACY), [image], annotations=[])
    assert caught.value.code == "index_unsupported"
