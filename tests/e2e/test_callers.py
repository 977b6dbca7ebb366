"""A service that asks for TLS and a token, as every service off loopback must."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
import requests

from demo.stack import ENVIRONMENT, run_assay
from tests.fixtures.stacks import MakeSpare, Spare

TOKENS = {"publisher": "gate-token-0123456789abcdef", "auditor": "audit-token-0123456789abcdef"}
ROLES = {"publisher": "gate", "auditor": "audit"}


@pytest.fixture(scope="module")
def spare(make_spare: MakeSpare) -> Spare:
    callers = ", ".join(
        f"{{name: {name}, token_sha256: {hashlib.sha256(token.encode()).hexdigest()}, tenant: demo, "
        f"environments: [{ENVIRONMENT}], roles: [{ROLES[name]}]}}"
        for name, token in TOKENS.items()
    )
    made = make_spare(access=f"tls: {{certificate: tls.crt, key: tls.key}}\n  callers: [{callers}]")
    made.stack.start()
    for name, token in TOKENS.items():
        (made.stack.folder / f"{name}.token").write_text(f"{token}\n")
    return made


def call(spare: Spare, method: str, path: str, token: str | None) -> tuple[int, dict[str, object]]:
    artefact = {
        "type": "image",
        "repository": spare.released.repository.name,
        "digest": spare.released.digest.text,
    }
    question = {"artefact": artefact, "environment": ENVIRONMENT, "evidence": {"from": "registry"}}
    answer = requests.request(
        method,
        f"{spare.stack.service_url}{path}",
        json=question if method == "POST" else None,
        headers={"Authorization": f"Bearer {token}"} if token is not None else {},
        verify=str(spare.stack.ca),
        timeout=20,
    )
    return answer.status_code, answer.json()


def assay(spare: Spare, *arguments: str, caller: str, ca: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run_assay(
        *arguments,
        *("--service", spare.stack.service_url, "--ca", str(ca or spare.stack.ca)),
        *("--token-file", str(spare.stack.folder / f"{caller}.token")),
        check=False,
    )


def gate_arguments(spare: Spare) -> tuple[str, ...]:
    return ("gate", "--environment", ENVIRONMENT, "--output", "json", spare.released.pinned)


@pytest.mark.parametrize("token", [None, "", "unknown", f"{TOKENS['publisher']}x", TOKENS["publisher"].upper()])
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/gate"), ("GET", "/v1/decisions"), ("GET", "/metrics")])
def test_loopback_gives_nobody_a_name(spare: Spare, method: str, path: str, token: str | None) -> None:
    status, problem = call(spare, method, path, token)
    assert (status, problem["code"]) == (401, "caller_unknown")


def test_a_known_token_with_the_role_passes(spare: Spare) -> None:
    status, answer = call(spare, "POST", "/v1/gate", TOKENS["publisher"])
    assert (status, answer["verdict"]) == (200, "allow")
    status, listed = call(spare, "GET", "/v1/decisions", TOKENS["auditor"])
    assert status == 200
    assert listed["decisions"]


@pytest.mark.parametrize(
    ("method", "path", "caller"),
    [("POST", "/v1/gate", "auditor"), ("GET", "/v1/decisions", "publisher"), ("GET", "/metrics", "publisher")],
)
def test_a_known_token_without_the_role_is_refused(spare: Spare, method: str, path: str, caller: str) -> None:
    status, problem = call(spare, method, path, TOKENS[caller])
    assert (status, problem["code"]) == (403, "role_missing")


def test_the_service_speaks_tls_alone(spare: Spare) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(spare.stack.service_url.replace("https", "http"), timeout=5)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(spare.stack.service_url, timeout=5)


def test_the_command_line_shows_its_token_to_the_service_it_trusts(spare: Spare) -> None:
    allowed = assay(spare, *gate_arguments(spare), caller="publisher")
    assert allowed.returncode == 0, allowed.stderr
    decision = json.loads(allowed.stdout)["decision"]
    shown = assay(spare, "audit", "show", decision, "--output", "json", caller="auditor")
    assert (shown.returncode, json.loads(shown.stdout)["verdict"]) == (0, "allow")


def test_the_command_line_without_the_role_exits_with_a_usage_error(spare: Spare) -> None:
    refused = assay(spare, *gate_arguments(spare), caller="auditor")
    assert refused.returncode == 2
    assert "role_missing" in refused.stderr
    assert TOKENS["auditor"] not in refused.stderr + refused.stdout


def test_the_command_line_sends_nothing_to_a_service_under_another_ca(spare: Spare, tmp_path: Path) -> None:
    run_assay("keys", "generate", "--folder", str(tmp_path))
    completed = assay(spare, *gate_arguments(spare), caller="publisher", ca=tmp_path / "cosign.pub")
    assert completed.returncode in {2, 3}
    assert TOKENS["publisher"] not in completed.stderr + completed.stdout


TLS = re.compile(r"  tls: .*\n")
CALLERS = re.compile(r"  callers: .*\n")
LOCAL = f"  local: {{tenant: demo, environments: [{ENVIRONMENT}], roles: [gate]}}\n"


@pytest.mark.parametrize(
    ("left_out", "instead"), [pytest.param(TLS, "", id="no TLS"), pytest.param(CALLERS, LOCAL, id="no tokens")]
)
def test_a_service_that_others_reach_does_not_start_without_tls_and_tokens(
    spare: Spare, left_out: re.Pattern[str], instead: str
) -> None:
    written = spare.stack.configuration.read_text().replace("listen: 127.0.0.1:0", "listen: 0.0.0.0:0", 1)
    open_door = spare.stack.folder / "open-door.yaml"
    open_door.write_text(left_out.sub(instead, written, count=1).replace("state: state", "state: never"))
    refused = run_assay("serve", "--config", str(open_door), check=False)
    assert refused.returncode == 2
    assert "can be reached by others" in refused.stderr
    assert not (spare.stack.folder / "never").exists()


def test_no_log_of_the_service_holds_a_token(spare: Spare) -> None:
    logs = [spare.stack.folder / "service.log", *(spare.stack.state / "logs").iterdir()]
    text = "".join(log.read_text() for log in logs)
    assert "decision=" in text
    assert not [token for token in TOKENS.values() if token in text]
