"""Whenever the publishing process is killed, no tag names an image that lacks anything said about it."""

import json
import os
import signal
from collections.abc import Callable

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.decision import Verdict
from assay.domain.limit import Limits
from assay_builder.pipeline import Publication as Plan
from assay_builder.pipeline import ask_gate, build, publish_allowed
from assay_builder.stages.gate import Gated
from tests.fakes.build import FakeBuildWorld
from tests.fakes.oci import soon
from tests.fakes.publication import FakeGate
from tests.fakes.registry import FakeRegistry, SeenRequest

TAG = "1.0.0"


class Publication:
    """A built and allowed image, published to a fake registry by a process of its own."""

    def __init__(self, registry: FakeRegistry) -> None:
        self.registry = registry
        self.world = FakeBuildWorld()
        self.repository = registry.repository("demo")
        attested = build(self.world.plan, self.world.parts())
        self.gated: Gated = ask_gate(attested, self._plan(), self.world.parts())

    def _plan(self) -> Plan:
        gate = FakeGate(Verdict.ALLOW, repository=self.repository)
        return Plan(gate=gate, registry=_new_client(), repository=self.repository, tags=(TAG,), seconds=60)

    def publish(self) -> None:
        publish_allowed(self.gated, self._plan(), self.world.parts())

    def publish_and_be_killed(self, number: int, *, handled: bool) -> None:
        """Publish in a child that is killed at its nth request, before or after the registry carried it out."""
        go, ready = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.read(go, 1)
                self.publish()
            finally:
                os._exit(0)
        requests = iter(range(1, number + 1))

        def kill(_: SeenRequest) -> None:
            if next(requests, None) == number:
                os.kill(child, signal.SIGKILL)

        self.registry.on_request, self.registry.on_handled = (_ignore, kill) if handled else (kill, _ignore)
        os.write(ready, b"g")
        _, status = os.waitpid(child, 0)
        os.close(go)
        os.close(ready)
        self.registry.on_request = self.registry.on_handled = _ignore
        assert os.WTERMSIG(status) == signal.SIGKILL

    def tag_is_there(self) -> bool:
        return TAG in self.registry.shelf("demo").tags

    def is_complete(self) -> bool:
        """Whether everything about the image is there and can be found by its digest."""
        shelf = self.registry.shelf("demo")
        image, bundles = self.gated.attested.isolated.image, self.gated.attested.bundles
        listed = _new_client().list_referrers(self.repository, image.digest, soon())
        blobs = {item["digest"] for _, content in list(shelf.manifests.values()) for item in _blobs(content)}
        return blobs <= shelf.blobs.keys() and len(listed) == len(bundles) == 4


def _new_client() -> RegistryClient:
    return RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())


def _blobs(manifest: bytes) -> list[dict[str, str]]:
    document = json.loads(manifest)
    return [document["config"], *document["layers"]] if "config" in document else []


def _ignore(_: SeenRequest) -> None:
    """Let it pass."""


def count_requests(make: Callable[[], FakeRegistry]) -> int:
    with make() as registry:
        publication = Publication(registry)
        publication.publish()
        total = len(registry.requests)
        assert publication.tag_is_there()
        assert publication.is_complete()
        return total


@pytest.mark.parametrize("referrers_api", [True, False])
def test_a_publication_killed_at_any_request_leaves_no_tag_without_its_evidence(*, referrers_api: bool) -> None:
    def make() -> FakeRegistry:
        return FakeRegistry.start(referrers_api=referrers_api)

    total = count_requests(make)
    assert total > 20
    with make() as registry:
        publication = Publication(registry)
        for number in range(1, total + 1):
            for handled in (False, True):
                registry.shelves.clear()
                publication.publish_and_be_killed(number, handled=handled)
                assert publication.is_complete() or not publication.tag_is_there()
            publication.publish()
            assert publication.tag_is_there()
            assert publication.is_complete()
