"""`assay misuse` against the running webhook, over TLS, as anybody would run it against theirs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.stack import Stack, free_port, run_assay
from tests.e2e.process_tree import resident_kib
from tests.fixtures.suite_stacks import start_suite_stack

pytestmark = pytest.mark.timeout(300)
LARGEST_GROWTH_KIB = 256 * 1024


@pytest.fixture(scope="module")
def registry() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, registry: str) -> Path:
    folder = tmp_path_factory.mktemp("misuse") / "keys"
    run_assay("misuse", "prepare", str(folder), "--registry", registry)
    return folder


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, prepared: Path, registry: str) -> Iterator[Stack]:
    """A stack that trusts the key of the suite and applies its standard policy."""
    folder = tmp_path_factory.mktemp("target") / "stack"
    stack = start_suite_stack(folder, registry=registry, public_key=prepared / "cosign.pub")
    yield stack
    stack.stop()


def play(target: Stack, prepared: Path, registry: str, *more: str) -> Any:
    """Play the cases: exit code and document."""
    urls = ["--url", f"{target.webhook_url}/validate", "--mutate-url", f"{target.webhook_url}/mutate"]
    trust = ["--ca", str(target.ca), "--key", str(prepared / "cosign.key"), "--registry", registry]
    completed = run_assay("misuse", *urls, *trust, "--output", "json", *more, check=False, timeout=240)
    assert completed.stdout, completed.stderr
    return completed.returncode, json.loads(completed.stdout)


def test_the_running_webhook_withstands_what_needs_no_control(target: Stack, prepared: Path, registry: str) -> None:
    before = resident_kib(target.child("webhook"))
    status, document = play(target, prepared, registry)
    reasons = [part["reasons"] for case in document["cases"] for part in case["parts"] if part["outcome"] != "pass"]
    assert all(reason.startswith("needs control: ") for (reason,) in reasons), reasons
    assert (status, document["withstood"], len(document["cases"])) == (0, True, 30)
    assert sum(case["outcome"] == "pass" for case in document["cases"]) >= 19
    assert resident_kib(target.child("webhook")) - before < LARGEST_GROWTH_KIB


def test_the_suite_notices_a_webhook_that_trusts_another_key(
    target: Stack, prepared: Path, registry: str, tmp_path: Path
) -> None:
    run_assay("misuse", "prepare", str(tmp_path / "other"), "--registry", registry)
    status, document = play(target, tmp_path / "other", registry, "--case", "6")
    assert (status, document["cases"][0]["outcome"]) == (1, "fail")
    status, document = play(target, prepared, registry, "--case", "6")
    assert (status, document["cases"][0]["outcome"]) == (0, "pass")
