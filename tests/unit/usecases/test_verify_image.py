"""Verification for people: what was proven, and why the rest was not."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence import GapKind
from assay.domain.limit import Limits
from assay.domain.platform import Platform
from assay.formats.base64text import encode_base64
from assay.formats.bundle import render_bundle
from assay.usecases.verify_image import Verification, verify_image
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.buildkit import FakeIndex
from tests.fakes.engine import good_bundles, publish
from tests.fakes.oci import CONFIG, image, put_bundle, soon
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority

RELEASE = FakeAuthority()
TRUSTED = TrustSnapshot.of([RELEASE.authority], {})
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


def message_bundle(authority: FakeAuthority, artefact: bytes, algorithm: str) -> bytes:
    """A bundle with a signature over the artefact's bytes."""
    digest = hashlib.new(algorithm, artefact).digest()
    minted = json.loads(render_bundle(b"", b"", authority.public_key()))
    del minted["dsseEnvelope"]
    name = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}[algorithm]
    minted["messageSignature"] = {
        "messageDigest": {"algorithm": name, "digest": encode_base64(digest)},
        "signature": encode_base64(authority.sign(artefact)),
    }
    return json.dumps(minted).encode()


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("p256", "sha256"), ("p384", "sha384"), ("p521", "sha512"), ("ed25519", "sha512")],
)
def test_a_signature_over_the_bytes_of_the_manifest_is_verified(
    registry: FakeRegistry, kind: str, algorithm: str
) -> None:
    authority = FakeAuthority("release", kind)
    publish(registry, "app", {"signature": message_bundle(authority, image(), algorithm)})
    verification = verify(registry, authority)
    assert verification.signed
    assert [claim.bound_to for claim in verification.claims] == [Digest.of(image())]


@pytest.mark.parametrize(("kind", "algorithm"), [("p384", "sha384"), ("ed25519", "sha512")])
def test_a_signature_over_the_bytes_of_another_manifest_is_refused(
    registry: FakeRegistry, kind: str, algorithm: str
) -> None:
    authority = FakeAuthority("release", kind)
    publish(registry, "app", {"signature": message_bundle(authority, b"another manifest", algorithm)})
    assert not verify(registry, authority).signed


@pytest.mark.parametrize("kind", ["p384", "ed25519"])
def test_a_signature_over_the_bytes_of_an_index_counts_for_its_platforms(registry: FakeRegistry, kind: str) -> None:
    authority = FakeAuthority("release", kind)
    index = FakeIndex.of("amd64", "arm64")
    index.put(registry, "app")
    put_bundle(
        registry,
        "app",
        index.octets,
        message_bundle(authority, index.octets, "sha512" if kind == "ed25519" else "sha384"),
    )
    verification = verify(registry, authority)
    assert (verification.signed, [claim.bound_to for claim in verification.claims]) == (True, [index.digest])


def test_a_bundle_beside_another_platform_is_none_of_this_platforms(registry: FakeRegistry) -> None:
    index = FakeIndex.of("amd64", "arm64")
    index.put(registry, "app")
    amd, arm = index.images
    for subject in (amd.manifest, arm.manifest):
        put_bundle(registry, "app", subject, RELEASE.bundle(amd.digest))
    verification = verify(registry)
    assert not verification.signed
    assert [claim.bound_to for claim in verification.claims] == [amd.digest]
    assert [rejection.code for rejection in verification.rejected] == ["subject_mismatch"]
    missing = [gap for gap in verification.gaps if gap.kind is GapKind.SIGNATURE]
    assert [(gap.platform, gap.code) for gap in missing] == [("linux/arm64", "all_rejected")]


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/amd64/v2", "windows/amd64"])
def test_an_image_for_another_platform_is_not_what_was_asked_for(registry: FakeRegistry, platform: str) -> None:
    publish(registry, "app", GOOD)
    reference = registry.reference("app", tag="v1")
    with pytest.raises(InvalidInput) as caught:
        verify_image(CLIENT, reference, TRUSTED, soon(), platform=Platform.parse(platform))
    assert caught.value.code == "platform_unknown"
    own = Platform.parse("linux/amd64")
    assert verify_image(CLIENT, reference, TRUSTED, soon(), platform=own).signed


def test_a_chosen_platform_is_the_only_one_in_question(registry: FakeRegistry) -> None:
    index = FakeIndex.of("amd64", "arm64")
    index.put(registry, "app")
    put_bundle(registry, "app", index.images[0].manifest, RELEASE.bundle(index.images[0].digest))
    reference = registry.reference("app", tag="v1")
    for platform, signed in (("linux/amd64", True), ("linux/arm64", False)):
        wanted = Platform.parse(platform)
        verification = verify_image(CLIENT, reference, TRUSTED, soon(), platform=wanted)
        assert (verification.signed, len(verification.tree.platforms)) == (signed, 1)
