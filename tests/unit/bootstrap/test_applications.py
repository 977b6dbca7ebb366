"""The applications as workers build them, with nothing running behind them: everything denies and is named."""

import io
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from assay.adapters.supervision.log_lines import LogLines
from assay.adapters.supervision.loop_application import IN_LOOP
from assay.bootstrap.applications import WebhookParts, service_from_environment, webhook_parts_from_environment
from assay.bootstrap.engine import RunningEngine
from assay.bootstrap.installation import Installation
from assay.bootstrap.serve import make_generation
from assay.bootstrap.variables import CONFIGURATION_VARIABLE, GENERATION_VARIABLE
from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput, Unavailable
from assay.domain.evidence_format import EVERY_FORMAT
from assay.domain.reference import Reference
from tests.fakes.http_server import Script, answering
from tests.unit.bootstrap.conftest import CONFIGURATION, WEBHOOK, Write

IMAGE = Digest.of(b"image")


def prepare(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """What the supervisor does before it starts a worker."""
    monkeypatch.setenv(CONFIGURATION_VARIABLE, str(path))
    monkeypatch.setenv(GENERATION_VARIABLE, str(make_generation(Installation.load(path))))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(path.parent))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path) -> FlaskClient:
    (tmp_path / "layouts").mkdir()
    prepare(monkeypatch, write(CONFIGURATION + "layouts: layouts\n"))
    return service_from_environment().test_client()


def ask(client: FlaskClient, evidence: Mapping[str, object], repository: str = "registry.example/app") -> str:
    artefact = {"type": "image", "repository": repository, "digest": IMAGE.text}
    answer = client.post("/v1/gate", json={"artefact": artefact, "environment": "prod", "evidence": evidence})
    assert answer.status_code >= 400
    return str(answer.get_json(force=True)["code"])


def test_what_does_not_run_is_named_by_readiness(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, sorted(answer.get_json()["failing"])) == (503, ["database", "opa"])
    assert client.get("/healthz").status_code == 200


def test_evidence_is_looked_for_where_the_configuration_says(
    monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for text, sources in (("", EVERY_FORMAT), ("evidence: {referrers: false}\n", EVERY_FORMAT - {"referrers"})):
        installation = Installation.load(write(CONFIGURATION + text))
        running = RunningEngine(installation, make_generation(installation), LogLines(io.StringIO()))
        assert running.engine.formats == sources


def test_a_key_that_cannot_be_fetched_is_a_warning_and_an_outage_when_nobody_is_left(
    monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    both = CONFIGURATION.replace("  release:", "  kept: {keys: [openbao://kept]}\n  release:")
    nobody = CONFIGURATION.replace("[release.pub]", "[openbao://release]", 1)
    with answering(Script(status=503)) as silent:
        monkeypatch.setenv("BAO_ADDR", silent.url)
        monkeypatch.setenv("BAO_TOKEN", "token")
        for text, failing in ((both, False), (nobody, True)):
            prepare(monkeypatch, write(text))
            answer = service_from_environment().test_client().get("/readyz").get_json()
            assert ("trust" in answer["failing"]) is failing
            assert "the key openbao://" in answer["warnings"][0]


def test_a_log_that_does_not_exist_yet_may_be_asked_again(client: FlaskClient) -> None:
    for path in ("/v1/decisions", "/v1/log/key", "/v1/log/verification", "/v1/decisions/01KAQ3V9Y0000000000000000A"):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (503, "database_unavailable")


def test_evidence_is_looked_for_where_the_call_says(client: FlaskClient) -> None:
    empty = {"from": "candidate", "manifest": "", "media_type": "x", "config": "", "bundles": []}
    assert ask(client, {"from": "layout", "path": "gone"}) == "layout_unknown"
    assert ask(client, {"from": "layout", "path": "../state"}) == "layout_refused"
    assert ask(client, empty) == "digest_mismatch"
    assert ask(client, {"from": "registry"}, "other.example/app") == "registry_not_configured"
    assert b"assay_failures_total" in client.get("/metrics").data or client.get("/metrics").status_code == 200


def test_without_a_root_no_layout_is_read(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    prepare(monkeypatch, write(CONFIGURATION))
    assert ask(service_from_environment().test_client(), {"from": "layout", "path": "gone"}) == "layout_unknown"


def question() -> AdmissionQuestion:
    return AdmissionQuestion(
        uid="u",
        operation="CREATE",
        namespace="n",
        kind="Pod",
        name="p",
        user="a",
        service_account="",
        dry_run=False,
        labels=(),
        references=(Reference.parse("other.example/app:v1"),),
    )


def test_admission_without_a_log_is_no_answer(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    prepare(monkeypatch, write(CONFIGURATION + WEBHOOK))
    parts = webhook_parts_from_environment()
    assert parts.failing() == ["opa", "database"]
    with pytest.raises(Unavailable) as caught:
        parts.admit(question(), Deadline.after(5, parts.clock.monotonic))
    assert caught.value.code == "log_unavailable"


@pytest.mark.parametrize(("tls", "warned"), [("key: tls.key}", True), ("key: tls.key, client_ca: ca.crt}", False)])
def test_a_webhook_that_answers_anybody_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, write: Write, tls: str, *, warned: bool
) -> None:
    prepare(monkeypatch, write(CONFIGURATION + WEBHOOK.replace("key: tls.key}", tls)))
    found = [text for text in webhook_parts_from_environment().warnings() if text.startswith("callers: ")]
    assert any("client_ca" in text for text in found) is warned


def leave_to_a_thread(parts: WebhookParts) -> Callable[[], AdmissionAnswer]:
    """What the loop leaves to a thread of a question that it has no answer for."""
    waiting: list[Callable[[], AdmissionAnswer]] = []
    deadline = Deadline.after(5, parts.clock.monotonic)
    parts.admit_soon(question(), deadline, lambda _: pytest.fail("it was never answered"), waiting.append)
    (answer,) = waiting
    return answer


def test_admission_in_a_loop_leaves_what_was_never_answered_to_who_may_wait(
    monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    prepare(monkeypatch, write(CONFIGURATION + WEBHOOK))
    with pytest.raises(Unavailable) as caught:
        leave_to_a_thread(webhook_parts_from_environment())()
    assert caught.value.code == "log_unavailable"


def test_a_server_with_a_loop_finds_what_to_call_and_its_pipeline(
    monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    prepare(monkeypatch, write(CONFIGURATION + WEBHOOK))
    parts = webhook_parts_from_environment()

    def answer_soon(*_: object) -> bool:
        return False

    found = parts.in_loop(answer_soon)[IN_LOOP]
    assert (found.answer_soon, found.pipeline) == (answer_soon, parts.pipeline)


BEGINNING = """
from assay.adapters.metrics.prometheus import render_metrics
from assay.adapters.supervision.gunicorn_hooks import BEGIN
from assay.bootstrap.applications import service_from_environment, webhook_parts_from_environment
{made}.extensions[BEGIN]()
print(render_metrics({{}}, {{}}).decode())
"""


@pytest.mark.parametrize(
    ("made", "prepared"), [("service_from_environment()", False), ("webhook_parts_from_environment()", True)]
)
def test_what_reviews_count_begins_at_zero_where_reviews_come(
    monkeypatch: pytest.MonkeyPatch, write: Write, made: str, *, prepared: bool
) -> None:
    prepare(monkeypatch, write(CONFIGURATION + WEBHOOK))
    command = [sys.executable, "-c", BEGINNING.format(made=made)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert ('assay_decisions_total{kind="admission",verdict="allow"} 0.0' in lines) is prepared
    assert ('assay_step_seconds_count{step="record"} 0.0' in lines) is prepared


def test_a_namespace_of_no_tenant_is_refused(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    before, _, _ = WEBHOOK.partition("  tenant:")
    tenants = "  tenants:\n    - {match: {names: [shop]}, tenant: team-a, environment: prod}\n"
    prepare(monkeypatch, write(CONFIGURATION + before + tenants))
    parts = webhook_parts_from_environment()
    given: list[object] = []
    with pytest.raises(InvalidInput) as caught:
        parts.admit(question(), Deadline.after(5, parts.clock.monotonic))
    assert caught.value.code == "namespace_unmatched"
    with pytest.raises(InvalidInput) as caught:
        parts.admit_soon(question(), Deadline.after(5, parts.clock.monotonic), given.append, given.append)
    assert (caught.value.code, given) == ("namespace_unmatched", [])
    with pytest.raises(Unavailable):
        parts.admit(replace(question(), namespace="shop"), Deadline.after(5, parts.clock.monotonic))


def test_a_webhook_that_is_not_configured_cannot_be_built(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    prepare(monkeypatch, write(CONFIGURATION))
    with pytest.raises(ConfigError) as caught:
        webhook_parts_from_environment()
    assert caught.value.code == "webhook_missing"


@pytest.mark.parametrize("missing", [CONFIGURATION_VARIABLE, GENERATION_VARIABLE])
def test_a_worker_that_nobody_supervises_is_refused(
    monkeypatch: pytest.MonkeyPatch, write: Write, missing: str
) -> None:
    prepare(monkeypatch, write(CONFIGURATION))
    monkeypatch.delenv(missing)
    with pytest.raises(ConfigError) as caught:
        service_from_environment()
    assert caught.value.code == "not_supervised"
