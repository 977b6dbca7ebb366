"""Two writers of one fallback tag, in the worst order, at registries that heed no conditions."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.reference import Repository
from tests.fakes.oci import CONFIG, EMPTY, bundle_referrer, image, soon
from tests.fixtures.served_registries import REGISTRIES, Served, registries

_LONG = 120.0


@dataclass
class Writer:
    """A client that waits where it is told: before it changes the tag (its third request), and while it settles."""

    served: Served
    bundle: bytes
    before_change: Callable[[], None]
    when_settling: Callable[[], None]
    requests: int = 0

    def push(self, repository: Repository) -> Digest:
        client = self.served.client(pause=lambda _: self.when_settling(), count=self._count)
        manifest = bundle_referrer(image(), self.bundle)
        return client.push_manifest(repository, manifest, OCI_MANIFEST, soon()).digest

    def _count(self, event: str) -> None:
        self.requests += event == "sent"
        if event == "sent" and self.requests == 3:
            self.before_change()


@dataclass
class Order:
    """What has happened, for others to wait for."""

    second_has_read: threading.Event
    first_has_written: threading.Event
    second_has_written: threading.Event

    def before_the_first_writes(self) -> None:
        assert self.second_has_read.wait(_LONG)

    def before_the_second_writes(self) -> None:
        self.second_has_read.set()
        assert self.first_has_written.wait(_LONG)

    def while_the_first_settles(self) -> None:
        self.first_has_written.set()
        assert self.second_has_written.wait(_LONG)

    def while_the_second_settles(self) -> None:
        self.second_has_written.set()


@pytest.fixture(params=registries("fake that heeds no conditions", "distribution"))
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    with ExitStack() as stack:
        yield REGISTRIES[request.param](stack, tmp_path)


def test_a_writer_that_overwrites_another_with_a_stale_index_loses_nobodys_entry(served: Served) -> None:
    repository = Repository(registry=served.host, path="demo/app")
    client = served.client()
    for blob in (CONFIG, b"layer", EMPTY, b"1", b"2"):
        client.push_blob(repository, blob, soon())
    client.push_manifest(repository, image(), OCI_MANIFEST, soon(), tag="v1")
    order = Order(threading.Event(), threading.Event(), threading.Event())
    writers = (
        Writer(served, b"1", order.before_the_first_writes, order.while_the_first_settles),
        Writer(served, b"2", order.before_the_second_writes, order.while_the_second_settles),
    )
    with ThreadPoolExecutor(2) as pool:
        pushed = set(pool.map(lambda writer: writer.push(repository), writers))
    listed = client.list_referrers(repository, Digest.of(image()), soon())
    assert {entry.digest for entry in listed} == pushed
    assert order.second_has_written.is_set()
