"""Seen images between processes: taken at once, or not at all."""

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.adapters.prewarmer.client import PrewarmerClient
from assay.adapters.prewarmer.server import PrewarmerSocket
from assay.domain.artefact import Artefact
from assay.domain.digest import Digest
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from tests.fixtures.polling import eventually


def seen(name: str) -> SeenImage:
    repository = Repository(registry="registry.example", path="shop/api")
    return SeenImage(
        artefact=Artefact(repository=repository, digest=Digest.of(name.encode())), why=Sighting.NOTIFICATION
    )


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # the paths of sockets are short
    return Path("prewarm.sock")


@pytest.fixture
def taken(path: Path) -> Iterator[list[SeenImage]]:
    images: list[SeenImage] = []
    stop = threading.Event()
    receiver = PrewarmerSocket(path)
    thread = threading.Thread(target=receiver.receive, args=(images.append, stop))
    thread.start()
    yield images
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_what_is_offered_arrives(path: Path, taken: list[SeenImage]) -> None:
    client = PrewarmerClient(path=path)
    assert client.offer(seen("a"))
    eventually(lambda: taken == [seen("a")], "the image")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_image_is_dropped_and_the_next_one_arrives(path: Path, taken: list[SeenImage]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"garbage", str(path))
    assert PrewarmerClient(path=path).offer(seen("a"))
    eventually(lambda: taken == [seen("a")], "the image")


def test_while_nobody_listens_nothing_is_taken(path: Path) -> None:
    client = PrewarmerClient(path=path)
    assert not client.offer(seen("a"))
    PrewarmerSocket(path).receive(lambda _: None, _set())
    assert not client.offer(seen("a"))


def test_what_the_kernel_has_no_room_for_is_not_taken_and_nobody_waits(path: Path) -> None:
    receiver, client = PrewarmerSocket(path), PrewarmerClient(path=path)
    offered = 0
    while client.offer(seen(str(offered))):
        offered += 1
    assert offered
    receiver.receive(lambda _: None, _set())


def test_a_new_pre_warmer_takes_the_place_of_one_that_was_killed(path: Path) -> None:
    PrewarmerSocket(path).receive(lambda _: None, _set())
    again = PrewarmerSocket(path)
    assert PrewarmerClient(path=path).offer(seen("a"))
    again.receive(lambda _: None, _set())


def _set() -> threading.Event:
    stop = threading.Event()
    stop.set()
    return stop
