"""Every request that verifying an image takes, counted where it arrives."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import assert_never

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.deadline import Deadline
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.descriptor import SIMPLE_SIGNING
from assay.domain.digest import Digest
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat
from assay.domain.limit import Limits
from assay.formats.legacy_evidence import SIGNATURE
from assay.usecases.engine import Scope, Source
from assay.usecases.evidence_tree import grow_tree
from assay.usecases.judge_all import judge_all
from assay.usecases.resolve import resolve
from assay.usecases.verify_image import verify_image
from assay.verification.trust_snapshot import TrustSnapshot
from benchmarks.figure import Figure
from tests.fakes.buildkit import FakeIndex
from tests.fakes.engine import World, good_bundles, publish, trust_in
from tests.fakes.oci import CONFIG, image, put_attestation, put_bundle, put_image, put_legacy, put_signature
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority

_KEYS, _SIGNATURES = 15, 3
_REMEMBERED = 16 * 1024 * 1024
_SECONDS = 30
_IMAGE = Digest.of(image())


def measure() -> Iterator[Figure]:
    """Fifteen keys and three signatures, as bundles and as legacy layers, and what is asked again or switched off."""
    signers = [FakeAuthority(f"key-{number}") for number in range(_KEYS)]
    yield from _bundles(signers)
    yield from _repeated(signers)
    yield from _legacy(signers)
    yield from _switched_off()


def _bundles(signers: list[FakeAuthority]) -> Iterator[Figure]:
    with FakeRegistry.start() as registry:
        put_image(registry, "app")
        for signer in signers[:_SIGNATURES]:
            put_bundle(registry, "app", image(), signer.bundle(_IMAGE))
        client = _client()
        label = f"registry, {_KEYS} keys x {_SIGNATURES} bundles"
        cold, config = _requests(registry, client, signers)
        yield Figure(name=f"{label}: requests", value=cold, unit="", goal=4 + 2 * _SIGNATURES)
        yield Figure(name=f"{label}: for the config", value=config, unit="", goal=1)
        client.close()


def _repeated(signers: list[FakeAuthority]) -> Iterator[Figure]:
    """The same image judged once more by a process of the service, which keeps its verdict."""
    release = FakeAuthority()
    world = World(trust=trust_in(*(signer.authority for signer in (release, *signers[1:]))))
    scope = Scope(kind=DecisionKind.ADMISSION, tenant=TENANT, environment=ENVIRONMENT)
    with FakeRegistry.start() as registry:
        publish(registry, "app", good_bundles(release, _IMAGE))
        client = _client()
        engine = replace(world.engine(), registry=client)
        for name, digest, goal in (("", None, 10 + 1), (" again", None, 1), (" again by digest", _IMAGE, 0)):
            registry.requests.clear()
            reference = registry.reference("app", tag="v1", digest=digest)
            (judged,) = judge_all(engine, Source(registry=client), [reference], scope, world.deadline())
            if judged.verdict.verdict is not Verdict.ALLOW:
                raise RuntimeError(f"the figure is void: {judged.verdict}")
            label = f"registry, {_KEYS} keys x {_SIGNATURES} bundles, judged{name}: requests"
            yield Figure(name=label, value=len(registry.requests), unit="", goal=goal)
        client.close()


def _legacy(signers: list[FakeAuthority]) -> Iterator[Figure]:
    with FakeRegistry.start() as registry:
        put_image(registry, "app")
        items = [signer.legacy_signature(_IMAGE) for signer in signers[:_SIGNATURES]]
        layers = [(item.content, {SIGNATURE: item.signature}) for item in items]
        put_legacy(registry, "app", f"sha256-{_IMAGE.hex}.sig", layers, SIMPLE_SIGNING)
        client = _client()
        distinct = len({item.content for item in items})
        cold, _ = _requests(registry, client, signers)
        label = f"registry, {_KEYS} keys x {_SIGNATURES} legacy"
        yield Figure(name=f"{label}: requests", value=cold, unit="", goal=4 + distinct)
        client.close()


def _switched_off() -> Iterator[Figure]:
    """What looking in a place costs that is switched off, while evidence lies there."""
    for kind in EvidenceFormat:
        if not _asked(kind, EVERY_FORMAT):
            raise RuntimeError(f"the figure is void: {kind} costs nothing when it is on")
        asked = _asked(kind, EVERY_FORMAT - {kind})
        yield Figure(name=f"registry, {kind} switched off: requests", value=asked, unit="", goal=0)


def _asked(kind: EvidenceFormat, formats: frozenset[EvidenceFormat]) -> int:
    """How often one kind is asked for the evidence of an image and of an index, when `formats` are on."""
    signer, built = FakeAuthority(), FakeIndex.of("amd64").attested()
    trust = TrustSnapshot.of([signer.authority], {})
    with FakeRegistry.start() as registry:
        put_image(registry, "app")
        put_bundle(registry, "app", image(), signer.bundle(_IMAGE))
        put_signature(registry, "app", _IMAGE, b"payload", {})
        put_attestation(registry, "app", _IMAGE, b"envelope")
        item = signer.legacy_signature(built.put(registry, "index"))
        put_bundle(registry, "index", built.octets, signer.bundle(built.digest))
        put_signature(registry, "index", built.digest, item.content, {SIGNATURE: item.signature})
        client, deadline = _client(), Deadline.after(_SECONDS, time.monotonic)
        for path in ("app", "index"):
            resolved = resolve(client, registry.reference(path, tag="v1"), deadline)
            grow_tree(
                client, resolved, trust.groups, {}, deadline, Limits(), step=lambda _: nullcontext(), formats=formats
            )
        client.close()
        return sum(_looks_in(kind, path, built) for path in registry.paths())


def _looks_in(kind: EvidenceFormat, path: str, built: FakeIndex) -> bool:
    match kind:
        case EvidenceFormat.REFERRERS:
            return "/referrers/" in path
        case EvidenceFormat.SIGNATURE_TAGS:
            return path.endswith(".sig")
        case EvidenceFormat.ATTESTATION_TAGS:
            return path.endswith(".att")
        case EvidenceFormat.LISTED_STATEMENTS:
            return path.endswith(tuple(Digest.of(item.manifest).hex for item in built.attestations))
    assert_never(kind)


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
