"""Every request that verifying an image takes, counted where it arrives."""

import time
from collections.abc import Iterator

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.deadline import Deadline
from assay.domain.descriptor import SIMPLE_SIGNING
from assay.domain.digest import Digest
from assay.domain.limit import Limits
from assay.usecases.verify_image import verify_image
from assay.verification.trust_snapshot import TrustSnapshot
from benchmarks.figure import Figure
from tests.fakes.oci import CONFIG, image, put_bundle, put_image, put_legacy
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority

_KEYS, _SIGNATURES = 15, 3
_REMEMBERED = 16 * 1024 * 1024
_SECONDS = 30
_IMAGE = Digest.of(image())


def measure() -> Iterator[Figure]:
    """Fifteen keys and three signatures, as bundles and as legacy layers, and the bundles again with a warm client."""
    signers = [FakeAuthority(f"key-{number}") for number in range(_KEYS)]
    with FakeRegistry.start() as registry:
        put_image(registry, "app")
        for signer in signers[:_SIGNATURES]:
            put_bundle(registry, "app", image(), signer.bundle(_IMAGE))
        client = _client()
        label = f"registry, {_KEYS} keys x {_SIGNATURES} bundles"
        cold, config = _requests(registry, client, signers)
        yield Figure(name=f"{label}: requests", value=cold, unit="", goal=4 + 2 * _SIGNATURES)
        yield Figure(name=f"{label}: for the config", value=config, unit="", goal=1)
        warm, config = _requests(registry, client, signers)
        yield Figure(name=f"{label}: repeated", value=warm + config, unit="", goal=1)
        client.close()
    with FakeRegistry.start() as registry:
        put_image(registry, "app")
        items = [signer.legacy_signature(_IMAGE) for signer in signers[:_SIGNATURES]]
        layers = [(item.content, {"dev.cosignproject.cosign/signature": item.signature}) for item in items]
        put_legacy(registry, "app", f"sha256-{_IMAGE.hex}.sig", layers, SIMPLE_SIGNING)
        client = _client()
        distinct = len({item.content for item in items})
        cold, _ = _requests(registry, client, signers)
        label = f"registry, {_KEYS} keys x {_SIGNATURES} legacy"
        yield Figure(name=f"{label}: requests", value=cold, unit="", goal=4 + distinct)
        client.close()


def _client() -> RegistryClient:
    access = RegistryAccess(plain_http_on_loopback=True)
    return RegistryClient(access=access, limits=Limits(), remembered_octets=_REMEMBERED)


def _requests(registry: FakeRegistry, client: RegistryClient, signers: list[FakeAuthority]) -> tuple[int, int]:
    """The number of requests for one verification: for all evidence, and for the image's configuration."""
    registry.requests.clear()
    deadline = Deadline.after(_SECONDS, time.monotonic)
    trust = TrustSnapshot.of([signer.authority for signer in signers], {})
    verified = verify_image(client, registry.reference("app", tag="v1"), trust, deadline)
    if len(verified.claims) != _SIGNATURES or verified.gaps:
        raise RuntimeError(f"the figure is void: {len(verified.claims)} claims, {verified.gaps}")
    config = sum(path.endswith(Digest.of(CONFIG).hex) for path in registry.paths())
    return len(registry.requests) - config, config
