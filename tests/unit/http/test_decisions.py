"""Reading the log over HTTP: filters, pages, and what is refused."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.record import DecisionFilter
from assay.tlog.proof import verify_proof
from tests.fakes.decision import denied, identifier
from tests.fakes.policy import TENANT
from tests.fakes.service import DamagedArchive, ScriptedArchive, Service, logged_service, problem

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with logged_service(tmp_path_factory.mktemp("log") / "state") as service:
        yield service


def test_a_tenant_sees_its_own_decisions_newest_first(logged: Service) -> None:
    answer = logged.get("/v1/decisions").get_json()
    assert [item["id"] for item in answer["decisions"]] == [identifier(1), identifier(0)]
    assert (answer["next"], answer["damages"]) == (None, [])
    assert answer["decisions"][0]["codes"] == ["licence.denied", "signature.required"]
    assert problem(logged.get(f"/v1/decisions/{identifier(2)}")) == (404, "decision_unknown")


def test_pages_follow_each_other(logged: Service) -> None:
    first = logged.get("/v1/decisions?limit=1").get_json()
    second = logged.get(f"/v1/decisions?limit=1&before={first['next']}").get_json()
    assert [item["id"] for item in first["decisions"] + second["decisions"]] == [identifier(1), identifier(0)]
    assert second["next"] is None


def test_a_decision_comes_with_its_document_and_a_proof_that_holds(logged: Service) -> None:
    shown = logged.get(f"/v1/decisions/{identifier(0)}").get_json()
    key = logged.get("/v1/log/key").text.strip()
    leaf = base64.b64decode(shown["leaf"])
    assert verify_proof(shown["proof"], leaf, key).index == shown["index"] == 0
    assert logged.get(f"/v1/decisions/{identifier(0)}/proof").text == shown["proof"]
    assert shown["input"]["document"] == json.loads(denied(0).document.content())
    assert shown["findings"][0]["reasons"] == ["signature_invalid"]


def test_who_asked_is_never_shown(logged: Service) -> None:
    assert "user-0" not in logged.get(f"/v1/decisions/{identifier(0)}").text


def test_an_intact_log_verifies_to_its_last_leaf(logged: Service) -> None:
    assert logged.get("/v1/log/verification").get_json() == {"size": 3, "next": None, "damages": []}
    assert logged.get("/v1/log/verification?start=3").get_json()["next"] is None


def test_damages_are_listed_beside_what_is_intact() -> None:
    service = Service(archive=DamagedArchive())
    listed = service.get("/v1/decisions").get_json()
    assert listed == {"decisions": [], "damages": [{"index": None, "id": "", "part": "leaf"}], "next": 7}
    walked = service.get("/v1/log/verification").get_json()
    assert walked["damages"] == [{"index": None, "id": "", "part": "leaf", "detail": "gone"}]
    assert (walked["next"], walked["size"]) == (500, 1000)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("image=app", DecisionFilter(image="docker.io/library/app")),
        ("image=registry.example/app", DecisionFilter(image="registry.example/app")),
        (f"digest={DIGEST}", DecisionFilter(digest=Digest(DIGEST))),
        ("environment=prod", DecisionFilter(environment="prod")),
        ("verdict=deny", DecisionFilter(verdict=Verdict.DENY)),
        ("kind=gate", DecisionFilter(kind=DecisionKind.GATE)),
        ("code=licence.denied", DecisionFilter(code="licence.denied")),
        (f"policy={DIGEST}", DecisionFilter(policy=Digest(DIGEST))),
        ("since=2026-11-01T00:00:00Z", DecisionFilter(since=datetime(2026, 11, 1, tzinfo=UTC))),
        ("until=2026-11-01T02:00:00%2B02:00", DecisionFilter(until=datetime(2026, 11, 1, tzinfo=UTC))),
    ],
)
def test_each_filter_reaches_the_archive_with_the_callers_tenant(query: str, wanted: DecisionFilter) -> None:
    archive = ScriptedArchive()
    assert Service(archive=archive).get(f"/v1/decisions?{query}").status_code == 200
    assert archive.asked == [(wanted, TENANT, 100, None)]


def test_limit_and_cursor_reach_the_archive() -> None:
    archive = ScriptedArchive()
    Service(archive=archive).get("/v1/decisions?limit=1000&before=0")
    assert archive.asked == [(DecisionFilter(), TENANT, 1000, 0)]


@pytest.mark.parametrize(
    "query",
    [
        "tenant=another",
        "verdict=deny&verdict=allow",
        "verdict=maybe",
        "kind=log_start",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=1e3",
        "limit=%D9%A3",
        "limit=" + "9" * 5000,
        "before=" + "9" * 17,
        "since=yesterday",
        "since=2026-11-01T00:00:00",
        "until=0001-01-01T00:00:00%2B14:00",
        "since=0001-01-01T00:00:00",
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused(query: str) -> None:
    assert problem(Service().get(f"/v1/decisions?{query}")) == (400, "request_invalid")


@pytest.mark.parametrize(("query", "code"), [("digest=x", "digest_malformed"), ("image=A%20B", "reference_malformed")])
def test_a_name_or_digest_that_is_none_is_refused_by_its_own_code(query: str, code: str) -> None:
    assert problem(Service().get(f"/v1/decisions?{query}")) == (400, code)


@pytest.mark.parametrize("query", ["start=x", "start=-1", "end=2", "start=1&start=2"])
def test_a_walk_starts_at_a_leaf(query: str) -> None:
    assert problem(Service().get(f"/v1/log/verification?{query}")) == (400, "request_invalid")
