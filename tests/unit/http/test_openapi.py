"""The interface description and the application say the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from assay.domain.digest import Digest
from tests.fakes.decision import identifier
from tests.fakes.engine import good_bundles, publish
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT
from tests.fakes.registry import FakeRegistry
from tests.fakes.service import DamagedArchive, Service, logged_service
from tests.fakes.signing import FakeAuthority
from tests.unit.http.test_notifications import Door

_ROOT = Path(__file__).parents[3]
DESCRIPTION: dict[str, Any] = yaml.safe_load((_ROOT / "service" / "openapi.yaml").read_text(encoding="utf-8"))
IMAGE = Digest.of(image())
AUTOMATIC = {"HEAD", "OPTIONS"}


def complaints(answer: TestResponse, path: str, *, method: str = "get") -> list[str]:
    """What the description has against an answer."""
    responses = DESCRIPTION["paths"][path][method]["responses"]
    described = responses.get(str(answer.status_code)) or responses["default"]
    if "$ref" in described:
        described = DESCRIPTION["components"]["responses"][described["$ref"].rpartition("/")[2]]
    content = described["content"][answer.mimetype]
    if answer.mimetype == "text/plain":
        return []
    validator = Draft202012Validator({**content["schema"], "components": DESCRIPTION["components"]})
    return [error.message for error in validator.iter_errors(answer.get_json(force=True))]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with logged_service(tmp_path_factory.mktemp("log") / "state") as service:
        yield service


def test_every_route_is_described_and_every_description_has_a_route() -> None:
    rules = [*Service().application().url_map.iter_rules(), *Door().application().url_map.iter_rules()]
    routes = {
        (re.sub(r"<\w+>", "{id}", rule.rule), method.lower())
        for rule in rules
        for method in (rule.methods or set()) - AUTOMATIC
    }
    described = {
        (path, method)
        for path, operations in DESCRIPTION["paths"].items()
        for method in operations
        if method != "servers"
    }
    assert routes == described


def test_every_schema_is_a_schema() -> None:
    for schema in DESCRIPTION["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_gate_answers_are_as_described() -> None:
    with FakeRegistry.start() as registry:
        publish(registry, "good", good_bundles(FakeAuthority(), IMAGE))
        publish(registry, "bad", good_bundles(FakeAuthority("stranger"), IMAGE))
        for name, verdict in (("good", "allow"), ("bad", "indeterminate")):
            artefact = {"type": "image", "repository": f"{registry.host}/{name}", "digest": IMAGE.text}
            body = {"artefact": artefact, "environment": ENVIRONMENT, "evidence": {"from": "registry"}}
            schema = DESCRIPTION["components"]["schemas"]["GateQuestion"]
            Draft202012Validator({**schema, "components": DESCRIPTION["components"]}).validate(body)
            answer = Service().post(body)
            assert answer.get_json()["verdict"] == verdict
            assert complaints(answer, "/v1/gate", method="post") == []


@pytest.mark.parametrize(
    ("path", "described"),
    [
        ("/v1/decisions?limit=1", "/v1/decisions"),
        (f"/v1/decisions/{identifier(0)}", "/v1/decisions/{id}"),
        (f"/v1/decisions/{identifier(0)}/proof", "/v1/decisions/{id}/proof"),
        (f"/v1/decisions/{identifier(7)}", "/v1/decisions/{id}"),
        ("/v1/log/key", "/v1/log/key"),
        ("/v1/log/verification", "/v1/log/verification"),
        ("/v1/log/verification?start=x", "/v1/log/verification"),
        ("/healthz", "/healthz"),
        ("/readyz", "/readyz"),
    ],
)
def test_answers_are_as_described(logged: Service, path: str, described: str) -> None:
    assert complaints(logged.get(path), described) == []


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/log/verification"])
def test_damages_are_as_described(path: str) -> None:
    assert complaints(Service(archive=DamagedArchive()).get(path), path) == []


def test_a_service_that_is_not_ready_answers_as_described() -> None:
    assert complaints(Service(report={"opa": "down"}).get("/readyz"), "/readyz") == []


def test_every_filter_is_described() -> None:
    described = {item["name"] for item in DESCRIPTION["paths"]["/v1/decisions"]["get"]["parameters"]}
    for name in described:
        assert "unknown" not in Service().get(f"/v1/decisions?{name}=1").text


def test_a_notification_is_answered_as_described() -> None:
    path = "/v1/notifications/{id}"
    for door, status in ((Door(), 202), (Door(error=RuntimeError("unforeseen")), 500)):
        answer = door.call(data=b"{}")
        assert (answer.status_code, complaints(answer, path, method="post")) == (status, [])
