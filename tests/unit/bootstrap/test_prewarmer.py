"""The process that verifies images before anybody asks, with nothing running behind it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from assay.adapters.cache.database import VerdictDatabase
from assay.adapters.prewarmer.client import PrewarmerClient
from assay.bootstrap.installation import Installation
from assay.bootstrap.prewarmer import run_prewarmer
from assay.bootstrap.serve import make_generation
from assay.bootstrap.variables import CONFIGURATION_VARIABLE, GENERATION_VARIABLE
from assay.domain.artefact import Artefact
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from tests.fakes.kubernetes_api import ScriptedApi, events, namespace, namespace_list, scripted_api
from tests.fixtures.polling import eventually
from tests.unit.bootstrap.conftest import CONFIGURATION, WEBHOOK, Write
from tests.unit.bootstrap.test_cluster import BY_FILE, write_kubeconfig

SEEN = SeenImage(
    artefact=Artefact(repository=Repository.parse("other.example/app"), digest=Digest.of(b"image")),
    why=Sighting.NOTIFICATION,
)


def prepare(monkeypatch: pytest.MonkeyPatch, path: Path) -> Installation:
    """What the supervisor does before it starts the process; its priority would stay with the tests."""
    installation = Installation.load(path)
    monkeypatch.setenv(CONFIGURATION_VARIABLE, str(path))
    monkeypatch.setenv(GENERATION_VARIABLE, str(make_generation(installation)))
    monkeypatch.setattr(os, "nice", lambda _: 0)
    installation.run.mkdir(parents=True, exist_ok=True)
    return installation


@contextmanager
def running() -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run_prewarmer, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_without_its_section_there_is_none(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    prepare(monkeypatch, write(CONFIGURATION + WEBHOOK))
    with pytest.raises(ConfigError) as caught:
        run_prewarmer(threading.Event())
    assert caught.value.code == "prewarm_missing"


def test_it_hears_of_images_whatever_fails_behind_it(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    installation = prepare(monkeypatch, write(CONFIGURATION + WEBHOOK + "  prewarm: {}\n"))
    client = PrewarmerClient(path=installation.prewarmer_socket)
    with running():
        eventually(lambda: client.offer(SEEN), "the pre-warmer")
        store = VerdictDatabase(installation.cache)
        eventually((installation.cache / "verdicts.db").exists, "a note of the push")
        assert store.entries() == []
        store.close()


def test_it_follows_the_replica_sets_and_the_namespaces(
    monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path
) -> None:
    path = "/apis/apps/v1/replicasets"
    with scripted_api(tmp_path) as api:
        api.script("/api/v1/namespaces", namespace_list("7", namespace("team-a", "3")))
        api.script("/api/v1/namespaces?watch", events())
        api.script(path, namespace_list("7"))
        api.script(f"{path}?watch", events())
        write_kubeconfig(tmp_path, api.address)
        prepare(monkeypatch, write(CONFIGURATION + WEBHOOK + "  prewarm: {replica_sets: true}\n" + BY_FILE))
        with running():
            eventually(lambda: watched(api) == {"/api/v1/namespaces", path}, "both watches")


def watched(api: ScriptedApi) -> set[str]:
    return {parts.path for call in api.calls if "watch=1" in (parts := urlsplit(call)).query}
