"""What is attached is listed: proven, refused, or as it calls itself."""

from collections.abc import Iterator

import pytest

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, Content
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence import Claim, EvidenceItem, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.formats.predicate import Predicate
from assay.usecases.attach import Form, attach_document, attest_targets, sign_targets
from assay.usecases.attachment import Attachment, Shelf, list_attachments
from assay.verification.item import verify_item
from tests.fakes.desk import CREATED, make_client, make_desk, make_place
from tests.fakes.oci import bundle_referrer, image, index, put_bundle, put_image, rendered
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority

SBOM = Predicate(type="https://cyclonedx.org/bom", body={})


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        yield fake


@pytest.fixture
def subject(registry: FakeRegistry) -> Content:
    return put_image(registry, "app")


def verify(item: EvidenceItem, subject: Content) -> Claim | Rejection:
    return verify_item(item, subject=subject.digest, authorities=[FakeAuthority().authority], limits=Limits())


def listed(registry: FakeRegistry, subject: Content, *, proven: bool = True) -> tuple[Attachment, ...]:
    place = make_place(registry.repository("app"))
    return list_attachments(Shelf(registry=make_client(), place=place, verify=verify if proven else None), subject)


def code_of(entry: Attachment) -> str:
    return entry.outcome.code if isinstance(entry.outcome, Rejection) else ""


@pytest.mark.parametrize("proven", [True, False])
def test_a_referrer_and_a_layer_are_listed(registry: FakeRegistry, subject: Content, *, proven: bool) -> None:
    for form in Form:
        attest_targets(make_desk(make_client(), registry.repository("app"), form=form), [subject], SBOM)
    referrer, tag = listed(registry, subject, proven=proven)
    (layer,) = tag.below
    assert (referrer.says, layer.says, tag.tag) == (SBOM.type, SBOM.type, f"sha256-{subject.digest.hex}.att")
    assert {entry.outcome is not None for entry in (referrer, layer)} == {proven}
    assert tag.outcome is None


def test_a_signature_of_somebody_else_is_refused(registry: FakeRegistry, subject: Content) -> None:
    sign_targets(make_desk(make_client(), registry.repository("app"), form=Form.LEGACY), [subject], annotations=[])
    put_bundle(registry, "app", subject.octets, FakeAuthority("other").bundle(subject.digest))
    referrer, tag = listed(registry, subject)
    assert code_of(referrer) == "signature_invalid"
    assert isinstance(tag.below[0].outcome, SignatureClaim)


def test_what_nobody_signed_is_said_to_be_unsigned(registry: FakeRegistry, subject: Content) -> None:
    place = make_place(registry.repository("app"))
    attach_document(make_client(), place, subject, b'{"bomFormat":"CycloneDX"}', CREATED)
    registry.put_manifest("app", image(), tag=f"sha256-{subject.digest.hex}.sbom")
    referrer, tag = listed(registry, subject, proven=False)
    assert (referrer.type, code_of(referrer)) == ("application/vnd.cyclonedx+json", "unsigned")
    assert [code_of(layer) for layer in tag.below] == ["unsigned"]


def test_what_speaks_about_evidence_hangs_below_it(registry: FakeRegistry, subject: Content) -> None:
    first = put_bundle(registry, "app", subject.octets, b"bundle")
    about = bundle_referrer(registry.shelf("app").manifests[first.text][1], b"bundle")
    registry.put_manifest("app", about, OCI_MANIFEST)
    (referrer,) = listed(registry, subject)
    assert [entry.digest for entry in referrer.below] == [Digest.of(about)]


@pytest.mark.parametrize(("depth", "refused"), [(3, False), (4, True)])
def test_evidence_may_be_three_levels_deep(
    registry: FakeRegistry, subject: Content, depth: int, *, refused: bool
) -> None:
    current = subject.octets
    for _ in range(depth):
        current = bundle_referrer(current, b"bundle")
        registry.put_manifest("app", current, OCI_MANIFEST)
    if not refused:
        assert listed(registry, subject, proven=False)
        return
    with pytest.raises(InvalidInput) as caught:
        listed(registry, subject, proven=False)
    assert caught.value.code == "evidence_limit"


def test_an_index_that_refers_is_listed(registry: FakeRegistry, subject: Content) -> None:
    about = {"subject": rendered(OCI_MANIFEST, subject.octets), "artifactType": "a/b"}
    registry.put_manifest("app", index(**about), OCI_INDEX)
    (entry,) = listed(registry, subject)
    assert (entry.type, entry.outcome) == ("a/b", None)


def test_what_cannot_be_read_is_listed_with_the_reason(registry: FakeRegistry, subject: Content) -> None:
    bundle = FakeAuthority().bundle(subject.digest)
    digest = put_bundle(registry, "app", subject.octets, bundle)
    place = f"/v2/app/manifests/{digest}"
    registry.faults[place] = Fault(status=404)
    assert code_of(listed(registry, subject)[0]) == "manifest_malformed"
    registry.faults[place] = Fault(octets=b"other")
    assert code_of(listed(registry, subject)[0]) == "digest_mismatch"
    registry.faults = {f"/v2/app/blobs/{Digest.of(bundle)}": Fault(octets=b"x" * len(bundle))}
    assert code_of(listed(registry, subject)[0]) == "digest_mismatch"
    registry.faults = {}
    assert [code_of(entry) for entry in listed(registry, subject)] == [""]


def test_a_legacy_tag_that_holds_an_index_is_refused(registry: FakeRegistry, subject: Content) -> None:
    registry.put_manifest("app", index(), OCI_INDEX, tag=f"sha256-{subject.digest.hex}.att")
    (entry,) = listed(registry, subject)
    assert code_of(entry) == "manifest_malformed"


def test_a_registry_that_does_not_answer_is_an_error(registry: FakeRegistry, subject: Content) -> None:
    registry.faults[f"/v2/app/referrers/{subject.digest}"] = Fault(status=500)
    with pytest.raises(Unavailable):
        listed(registry, subject)
