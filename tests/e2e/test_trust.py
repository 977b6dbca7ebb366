"""Trust that changes under running processes: keys, a TUF repository, and a first start without it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from assay.domain.decision import Verdict
from demo.stack import Stack, run_assay
from tests.e2e.load import check_log, load
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.tuf_repository import FakeTuf
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import MakeSpare, Spare, workbench

KEYS = "  release: {keys: [keys/cosign.pub]}\n"
CI = "  ci: {identities: [{issuer: https://issuer.test, san: https://ci.test/x}], trust_root: own}\n"
WORLD = FakeSigstore()
FIRST = WORLD.trusted_root()
SECOND = WORLD.trusted_root(edit=lambda root: root["timestampAuthorities"].clear())


@pytest.fixture(scope="module")
def repository() -> FakeTuf:
    made = FakeTuf()
    made.put("trusted_root.json", FIRST)
    return made


@pytest.fixture(scope="module")
def spare(make_spare: MakeSpare, repository: FakeTuf) -> Iterator[Spare]:
    """A stack whose authority `ci` needs a trust root of a repository that does not answer at its first start."""
    made = make_spare()
    repository.status = 503
    with repository.serve() as url:
        made.stack.registry.start()
        made.stack.write_configuration()
        (made.stack.folder / "root.json").write_bytes(repository.bootstrap)
        profile = "{log_entries: 1, scts: 1, timestamps: 0}"
        root = f"trust_roots:\n  own: {{tuf: {{url: {url}, root: root.json}}, profile: {profile}}}\n"
        text = made.stack.configuration.read_text()
        assert KEYS in text
        made.stack.configuration.write_text(text.replace(KEYS, KEYS + CI) + root)
        made.stack.start_service()
        yield made
        made.stack.stop_service()


def readiness(stack: Stack) -> dict[str, Any]:
    document: dict[str, Any] = requests.get(f"{stack.service_url}/readyz", timeout=10).json()
    return document


def replace_key(stack: Stack, source: Path) -> None:
    new = stack.folder / "keys" / "new"
    shutil.copy(source, new)
    new.replace(stack.folder / "keys" / "cosign.pub")


@pytest.fixture
def other_key(spare: Spare, tmp_path: Path) -> Path:
    run_assay("keys", "generate", "--folder", str(tmp_path / "other"))
    return tmp_path / "other" / "cosign.pub"


def trust_of_a_decision(spare: Spare) -> str:
    with workbench(spare.stack, spare.released) as bench:
        answer = bench.gate(spare.released.digest)
    assert answer.verdict is Verdict.ALLOW
    return str(json.loads(answer.leaf)["trust_root"])


def allowed(spare: Spare) -> bool:
    """Whether several calls, which meet every worker, are all allowed."""
    with workbench(spare.stack, spare.released) as bench:
        return all(bench.gate(spare.released.digest).verdict is Verdict.ALLOW for _ in range(6))


def test_a_first_start_without_the_repository_serves_the_others_and_warns(spare: Spare, repository: FakeTuf) -> None:
    first = readiness(spare.stack)
    assert first["status"] == "ready"
    assert any("own: nothing was fetched from http://127.0.0.1:" in text for text in first["warnings"])
    assert allowed(spare)
    log = spare.stack.state / "logs" / "refresher.log"
    eventually(lambda: "the trust root own was not refreshed" in log.read_text(), "a refresh that fails")
    repository.status = 200
    run_assay("trust", "refresh", "--config", str(spare.stack.configuration))
    eventually(lambda: not any(readiness(spare.stack)["warnings"] for _ in range(4)), "no warning")
    assert spare.stack.child("refresher") > 0


def test_a_key_is_revoked_and_comes_back_while_every_call_is_answered(spare: Spare, other_key: Path) -> None:
    original = other_key.with_name("original.pub")
    shutil.copy(spare.stack.folder / "keys" / "cosign.pub", original)
    with load(spare) as running:
        replace_key(spare.stack, other_key)
        running.await_refusal()
        replace_key(spare.stack, original)
        running.await_allow()
    assert len(running.answers) == len(running.calls)
    assert {"all_rejected", "signature_invalid"} <= running.codes
    check_log(spare.stack, running.answers[-5:])


def test_a_key_that_cannot_be_used_changes_nothing_and_is_told(spare: Spare, tmp_path: Path) -> None:
    original = tmp_path / "original.pub"
    shutil.copy(spare.stack.folder / "keys" / "cosign.pub", original)
    (tmp_path / "broken").write_text("no key")
    eventually(lambda: allowed(spare), "workers that have the key back")
    replace_key(spare.stack, tmp_path / "broken")
    eventually(lambda: any("cosign.pub" in text for text in readiness(spare.stack)["warnings"]), "a warning")
    assert allowed(spare)
    replace_key(spare.stack, original)
    eventually(lambda: not any(readiness(spare.stack)["warnings"] for _ in range(4)), "no warning")


def test_a_new_root_of_the_repository_is_in_the_next_decisions(spare: Spare, repository: FakeTuf) -> None:
    before = trust_of_a_decision(spare)
    repository.put("trusted_root.json", SECOND)
    run_assay("trust", "refresh", "--config", str(spare.stack.configuration))
    eventually(lambda: trust_of_a_decision(spare) != before, "a decision under the new root")
    text = requests.get(f"{spare.stack.service_url}/metrics", timeout=10).text
    assert 'assay_trust_reloads_total{outcome="reloaded"}' in text
    assert 'assay_trust_refreshes_total{outcome="failed",root="own"}' in text
    assert 'assay_trust_root_age_seconds{root="own"}' in text


def test_python_tuf_is_loaded_by_the_refresher_and_by_no_worker(spare: Spare) -> None:
    log = (spare.stack.state / "logs" / "refresher.log").read_text()
    assert "the trust root own was not refreshed: trust_refresh_failed" in log
    program = (
        "import sys, assay.bootstrap.applications, assay.bootstrap.serve, assay.cli.trust, assay.cli.verify;"
        "sys.exit('tuf' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
