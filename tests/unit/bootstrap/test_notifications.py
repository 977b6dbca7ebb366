"""The server that registries notify, as its worker builds it."""

import runpy
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from assay.adapters.cache.database import VerdictDatabase
from assay.bootstrap.notifications import notification_parts_from_environment
from assay.domain.errors import ConfigError
from assay.domain.reference import Repository
from tests.fakes.notification import HARBOR, SECRET, written
from tests.unit.bootstrap.conftest import CONFIGURATION, NOTIFICATIONS, Write
from tests.unit.bootstrap.test_applications import prepare


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path) -> FlaskClient:
    (tmp_path / "token").write_bytes(SECRET)
    (tmp_path / "token").chmod(0o600)
    prepare(monkeypatch, write(CONFIGURATION + NOTIFICATIONS))
    application = runpy.run_module("assay_webhooks.notification_wsgi")["application"]
    client: FlaskClient = application.test_client()
    return client


def test_a_push_begins_a_new_epoch_of_its_repository(client: FlaskClient, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {SECRET.decode()}", "Content-Type": "application/json"}
    epochs = VerdictDatabase(tmp_path / "state" / "cache")
    pushed, other = (Repository(registry="registry.example", path=path) for path in ("team/app", "team/other"))
    before = (epochs.epoch(pushed), epochs.epoch(other))
    answer = client.post("/v1/notifications/main", data=written(HARBOR), headers=headers)
    assert (answer.status_code, answer.get_json()) == (202, {"events": 1, "ignored": 0})
    assert (epochs.epoch(pushed) == before[0], epochs.epoch(other) == before[1]) == (False, True)


def test_a_secret_that_is_gone_is_not_ready(client: FlaskClient, tmp_path: Path) -> None:
    assert client.get("/readyz").get_json()["failing"] == {}
    (tmp_path / "token").unlink()
    assert client.get("/readyz").get_json()["failing"] == {"secrets of main": "no secret can be read"}


def test_without_the_section_there_is_no_server(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    prepare(monkeypatch, write(CONFIGURATION))
    with pytest.raises(ConfigError) as caught:
        notification_parts_from_environment()
    assert caught.value.code == "notifications_missing"
