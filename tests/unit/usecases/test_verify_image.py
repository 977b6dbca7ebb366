"""Verification for people: what was proven, and why the rest was not."""

from collections.abc import Iterator

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.evidence import GapKind
from assay.domain.limit import Limits
from assay.usecases.verify_image import Verification, verify_image
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.engine import good_bundles, publish
from tests.fakes.oci import CONFIG, image, soon
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority

RELEASE = FakeAuthority()
GOOD = good_bundles(RELEASE, Digest.of(image()))
CLIENT = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        yield fake


def verify(registry: FakeRegistry, authority: FakeAuthority = RELEASE) -> Verification:
    return verify_image(
        CLIENT, registry.reference("app", tag="v1"), TrustSnapshot.of([authority.authority], {}), soon()
    )


def test_an_image_signed_by_a_trusted_key_is_signed(registry: FakeRegistry) -> None:
    publish(registry, "app", GOOD)
    verification = verify(registry)
    assert (verification.signed, len(verification.claims), verification.gaps) == (True, 3, ())


def test_an_attestation_alone_is_no_signature(registry: FakeRegistry) -> None:
    publish(registry, "app", {"sbom": GOOD["sbom"]})
    verification = verify(registry)
    assert (verification.signed, len(verification.claims)) == (False, 1)
    assert [(gap.kind, gap.code) for gap in verification.gaps] == [(GapKind.SIGNATURE, "absent")]


def test_an_image_without_evidence_says_so(registry: FakeRegistry) -> None:
    publish(registry, "app", {})
    assert [gap.code for gap in verify(registry).gaps] == ["absent"]


def test_an_image_whose_evidence_was_all_rejected_says_so(registry: FakeRegistry) -> None:
    publish(registry, "app", GOOD)
    verification = verify(registry, FakeAuthority("stranger"))
    assert [gap.code for gap in verification.gaps] == ["all_rejected"]
    assert {item.code for item in verification.rejected} == {"signature_invalid"}


def test_a_config_that_cannot_be_read_does_not_hide_that_nobody_signed(registry: FakeRegistry) -> None:
    publish(registry, "app", {})
    registry.faults[f"/v2/app/blobs/{Digest.of(CONFIG)}"] = Fault(status=500)
    gaps = [(gap.kind, gap.code) for gap in verify(registry).gaps]
    assert gaps == [(GapKind.CONFIG, "registry_unavailable"), (GapKind.SIGNATURE, "absent")]


def test_a_list_that_cannot_be_asked_for_is_the_gap(registry: FakeRegistry) -> None:
    digest = publish(registry, "app", {})
    registry.faults[f"/v2/app/referrers/{digest}"] = Fault(status=500)
    assert {gap.code for gap in verify(registry).gaps} == {"registry_unavailable"}


def test_a_registry_that_is_down_is_an_error(registry: FakeRegistry) -> None:
    registry.faults["/v2/app/manifests/v1"] = Fault(status=500)
    with pytest.raises(Unavailable) as caught:
        verify(registry)
    assert caught.value.code == "registry_unavailable"
