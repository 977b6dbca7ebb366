"""The provider over HTTP: one item for each key, and never an allow out of a fault."""

import pytest

from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.provider import LARGEST_PROVIDER_REQUEST, Purpose
from assay.domain.reference import Reference
from assay.domain.server_status import SERVER_STATUS, ServerStatus
from tests.fakes.admission import DECISION, DIGEST
from tests.fakes.provider import CLIENT, OTHER, PINNED, TAGGED, Provider, ScriptedProvider, request_for, response_of

ALLOWED = {"digest": str(DIGEST), "allow": True, "decision_id": DECISION, "reason": "allowed"}


def test_each_key_gets_an_item_with_the_same_text() -> None:
    provider = Provider()
    response = provider.ask("validate", PINNED, OTHER, TAGGED, "no image!", PINNED)
    assert [item["key"] for item in response["items"]] == [PINNED, OTHER, TAGGED, "no image!"]
    assert response["items"][0] == {"key": PINNED, "value": ALLOWED}
    assert response["items"][1]["value"]["allow"] is False
    assert [item["error"].partition(":")[0] for item in response["items"][2:]] == [
        "digest_required",
        "reference_malformed",
    ]
    assert provider.metrics.keys == {("validate", "allowed"): 1, ("validate", "denied"): 1, ("validate", "refused"): 2}


def test_the_engine_is_asked_once_about_all_images_for_the_client_that_proved_its_name() -> None:
    provider = Provider()
    provider.ask("mutate", TAGGED, "not an image", f"{TAGGED}")
    (question,) = provider.engine.questions
    assert (question.purpose, question.client) == (Purpose.MUTATE, CLIENT)
    assert question.references == (Reference.parse(TAGGED),)


def test_two_spellings_of_an_image_are_one_reference_and_two_items() -> None:
    provider = Provider(engine=ScriptedProvider(good=frozenset({"docker.io/library/nginx"})))
    short, long = f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"
    items = provider.ask("validate", short, long)["items"]
    assert [(item["key"], item["value"]["allow"]) for item in items] == [(short, True), (long, True)]
    assert len(provider.engine.questions[0].references) == 1


def test_nobody_is_asked_when_no_key_is_an_image() -> None:
    provider = Provider()
    assert provider.ask("validate", TAGGED)["items"][0]["error"].startswith("digest_required")
    assert provider.engine.questions == []


@pytest.mark.parametrize(("purpose", "seconds"), [("validate", 2.5), ("mutate", 0.8)])
def test_the_time_of_a_request_is_that_of_its_purpose_less_what_it_waited(purpose: str, seconds: float) -> None:
    provider, waited = Provider(), {SERVER_STATUS: ServerStatus(waited_seconds=0.3)}
    provider.post(purpose, request_for(PINNED), environ_overrides=waited)
    assert provider.engine.budgets == [pytest.approx(seconds - 0.3)]


def test_a_request_that_waited_too_long_is_not_decided() -> None:
    provider, waited = Provider(), {SERVER_STATUS: ServerStatus(waited_seconds=3)}
    response = response_of(provider.post("validate", request_for(PINNED), environ_overrides=waited))
    assert response == {"idempotent": False, "items": [], "systemError": "deadline_exceeded: nothing was decided"}
    assert provider.engine.questions == []


def test_only_mutation_is_idempotent_and_only_when_every_answer_lasts() -> None:
    assert Provider().ask("mutate", TAGGED, PINNED)["idempotent"] is True
    assert Provider().ask("mutate", OTHER)["idempotent"] is True
    assert Provider(engine=ScriptedProvider(retryable=True)).ask("mutate", TAGGED, OTHER)["idempotent"] is False
    assert Provider().ask("validate", PINNED)["idempotent"] is False


@pytest.mark.parametrize("names", [frozenset(), frozenset({"other.test"}), frozenset({f"x.{CLIENT}"})])
def test_a_client_with_another_name_is_not_heard(names: frozenset[str]) -> None:
    assert Provider(names=names | {CLIENT}).ask("validate", PINNED)["items"][0]["value"] == ALLOWED
    provider = Provider(names=names)
    answer = provider.post("validate", request_for(PINNED))
    assert answer.status_code == 403
    assert response_of(answer)["systemError"].startswith("provider_client_unknown")
    assert provider.engine.questions == []
    assert provider.metrics.failures == {"provider_client_unknown": 1}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("policy_engine_unavailable", "down", remedy="x"), "policy_engine_unavailable"),
        (InvalidInput("namespace_unmatched", "secret", remedy="x"), "namespace_unmatched"),
        (RuntimeError("secret"), "internal"),
        (RecursionError("secret"), "internal"),
    ],
)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_whatever_the_engine_raises_is_a_failure_of_the_whole_request(
    error: Exception, code: str, purpose: Purpose
) -> None:
    provider = Provider(engine=ScriptedProvider(error=error))
    response = provider.ask(purpose.value, PINNED)
    assert response["systemError"].startswith(f"{code}: ")
    assert "secret" not in response["systemError"]
    assert provider.metrics.failures == {code: 1}


def test_one_image_that_could_not_be_decided_leaves_the_others() -> None:
    broken = Unavailable("log_unavailable", "secret", remedy="x")
    provider = Provider(engine=ScriptedProvider(broken={"registry.example/other": broken}))
    items = provider.ask("validate", OTHER, PINNED)["items"]
    assert items[0] == {"key": OTHER, "error": "log_unavailable: the same key may be allowed later"}
    assert items[1]["value"] == ALLOWED


def test_an_engine_that_answers_less_than_it_was_asked_is_a_failure() -> None:
    response = Provider(engine=ScriptedProvider(drop=1)).ask("validate", PINNED)
    assert response["systemError"].startswith("internal")


def test_a_broken_counter_does_not_turn_a_failure_into_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(code: str) -> None:
        raise RuntimeError(code)

    provider = Provider(engine=ScriptedProvider(error=RuntimeError()))
    monkeypatch.setattr(provider.metrics, "count_failure", fail)
    assert provider.ask("validate", PINNED)["systemError"].startswith("internal")


@pytest.mark.parametrize(
    ("octets", "content_type", "code"),
    [
        (b"{", "application/json", "json_malformed"),
        (b"{}", "application/json", "provider_request_malformed"),
        (b"{}", "text/plain", "content_type_unsupported"),
        (b" " * (LARGEST_PROVIDER_REQUEST + 1), "application/json", "body_too_large"),
    ],
)
def test_a_body_that_is_no_request_is_a_failure(octets: bytes, content_type: str, code: str) -> None:
    provider = Provider()
    answer = provider.client().post("/validate", data=octets, content_type=content_type)
    assert answer.status_code == 200
    assert response_of(answer)["systemError"] == f"{code}: nothing was decided"
    assert provider.metrics.failures == {code: 1}


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/validate", 405), ("POST", "/", 404)])
def test_what_is_not_offered_is_answered_in_the_words_of_the_protocol(method: str, path: str, status: int) -> None:
    answer = Provider().client().open(path, method=method)
    assert answer.status_code == status
    assert response_of(answer)["systemError"]
