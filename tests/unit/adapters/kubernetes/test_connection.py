"""Calls to the API server: who is asked, as whom, and what is believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.adapters.kubernetes.connection import KubernetesConnection, VersionExpired
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, Unavailable
from assay_webhooks.certificate import issue_serving_certificate
from tests.fakes.clock import FrozenClock
from tests.fakes.kubernetes_api import Reply, ScriptedApi, events, reply

PATH = "/api/v1/thing"


def deadline(seconds: float = 30) -> Deadline:
    return Deadline.after(seconds, FrozenClock().monotonic)


def refusal(connection: KubernetesConnection, until: Deadline | None = None) -> str:
    with pytest.raises(AssayError) as caught:
        connection.get(PATH, until or deadline())
    return caught.value.code


def test_an_object_is_read_and_absence_is_told_apart(api: ScriptedApi) -> None:
    assert api.connection.get(PATH, deadline()) is None
    api.script(PATH, reply({"kind": "Thing"}))
    found = api.connection.get(PATH, deadline())
    assert found is not None
    assert found.text("kind") == "Thing"


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=401),
        Reply(status=403),
        Reply(status=500),
        Reply(status=429),
        Reply(body=b"{"),
        Reply(body=b"[]"),
        Reply(body=b'{"kind": "Thing"}', cut=True),
        Reply(body=b'"' + b"x" * 9 * 1024 * 1024 + b'"'),
    ],
)
def test_an_answer_that_cannot_be_used_has_a_code(api: ScriptedApi, answer: Reply) -> None:
    api.script(PATH, answer)
    assert refusal(api.connection) == "cluster_unavailable"
    api.script(PATH, reply({"kind": "Thing"}))
    assert api.connection.get(PATH, deadline()) is not None


def test_a_version_that_is_gone_is_told_apart(api: ScriptedApi) -> None:
    api.script(PATH, Reply(status=410))
    with pytest.raises(VersionExpired):
        api.connection.get(PATH, deadline())


def test_a_redirect_is_not_followed(api: ScriptedApi) -> None:
    api.script(PATH, Reply(status=307, location=f"{api.address}/api/v1/other"))
    assert refusal(api.connection) == "cluster_unavailable"
    assert api.calls == [PATH]


@pytest.mark.parametrize("token", [None, "", "two words", "x" * 70_000, "\xe9"])
def test_a_token_that_is_none_is_not_sent(api: ScriptedApi, token: str | None) -> None:
    (api.folder / "token").unlink()
    if token is not None:
        (api.folder / "token").write_text(token, encoding="utf-8")
    assert refusal(api.connection) == "cluster_unavailable"
    assert api.calls == []


def test_a_token_that_was_replaced_is_read_anew(api: ScriptedApi) -> None:
    api.script(PATH, reply({}))
    right = (api.folder / "token").read_text()
    (api.folder / "token").write_text("expired")
    assert refusal(api.connection) == "cluster_unavailable"
    (api.folder / "token").write_text(right)
    assert api.connection.get(PATH, deadline()) is not None


def test_an_api_server_of_another_authority_is_not_asked(api: ScriptedApi) -> None:
    other = issue_serving_certificate(["127.0.0.1"], datetime.now(UTC), timedelta(hours=1))
    strange = replace(api.access, authority=other.ca_pem)
    assert refusal(KubernetesConnection(access=strange)) == "cluster_unavailable"
    assert api.calls == []


@pytest.mark.parametrize("authority", [b"no certificate", b"\xff", Path("/nonexistent")])
def test_an_authority_that_cannot_be_read_has_a_code(api: ScriptedApi, authority: Path | bytes) -> None:
    assert refusal(KubernetesConnection(access=replace(api.access, authority=authority))) == "cluster_unavailable"


@pytest.mark.parametrize("in_files", [False, True])
def test_a_client_certificate_is_loaded_from_files_and_from_memory(api: ScriptedApi, *, in_files: bool) -> None:
    issued = issue_serving_certificate(["127.0.0.1"], datetime.now(UTC), timedelta(hours=1))
    files = api.folder / "client.crt", api.folder / "client.key"
    files[0].write_bytes(issued.certificate_pem)
    files[1].write_bytes(issued.key_pem)
    certificate, key = files if in_files else (issued.certificate_pem, issued.key_pem)
    api.script(PATH, reply({}))
    assert KubernetesConnection(access=replace(api.access, certificate=certificate, key=key)).get(PATH, deadline())
    wrong = replace(api.access, certificate=certificate, key=b"no key")
    assert refusal(KubernetesConnection(access=wrong)) == "cluster_unavailable"


def test_without_a_credential_none_is_sent(api: ScriptedApi) -> None:
    assert refusal(KubernetesConnection(access=replace(api.access, token=None))) == "cluster_unavailable"
    assert KubernetesConnection(access=replace(api.access, token=b"pod-token")).get(PATH, deadline()) is None


def test_a_deadline_that_has_passed_ends_a_call_before_it_begins(api: ScriptedApi) -> None:
    assert refusal(api.connection, deadline(-1)) == "deadline_exceeded"
    assert api.calls == []


def test_a_watch_hands_out_events_until_it_ends(api: ScriptedApi) -> None:
    api.script(f"{PATH}?watch", events({"type": "A"}, {"type": "B"}))
    seen = api.connection.watch(f"{PATH}?watch=1", accept="application/json", silence=30)
    assert [event.text("type") for event in seen] == ["A", "B"]


@pytest.mark.parametrize(
    "answer",
    [Reply(status=404), Reply(body=b"x" * 3 * 1024 * 1024), Reply(body=b"{\n"), events({"type": "A"}, cut=True)],
)
def test_a_watch_that_cannot_be_used_has_a_code(api: ScriptedApi, answer: Reply) -> None:
    api.script(f"{PATH}?watch", answer)
    with pytest.raises(Unavailable) as caught:
        list(api.connection.watch(f"{PATH}?watch=1", accept="application/json", silence=30))
    assert caught.value.code == "cluster_unavailable"
