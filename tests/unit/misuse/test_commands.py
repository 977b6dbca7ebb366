"""`assay misuse`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assay.bootstrap.composition import SystemComposition
from assay.cli.application import application
from demo.stack import free_port
from tests.fakes.http_server import Script, answering


@pytest.fixture
def registry() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def allowing() -> Iterator[Script]:
    body = {"response": {"uid": "6d697375-7365-4000-8000-000000000001", "allowed": True}}
    with answering(Script(body=json.dumps(body).encode())) as script:
        yield script


def assay(*words: str) -> Result:
    environment = {"ASSAY_KEY_PASSWORD": ""}
    return CliRunner().invoke(application, ["misuse", *words], obj=SystemComposition(), env=environment)


def prepared(folder: Path, registry: str) -> str:
    result = assay("prepare", str(folder), "--registry", registry)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_key_and_rule_data_are_prepared_and_explained(tmp_path: Path, registry: str) -> None:
    told = prepared(tmp_path, registry)
    assert f"keys: [{tmp_path / 'cosign.pub'}]" in told
    data = json.loads((tmp_path / "rule-data.json").read_text())
    assert data["misuse"]["standard"]["allowed_registries"] == [registry]


def test_a_webhook_that_allows_everything_ends_with_1(tmp_path: Path, registry: str, allowing: Script) -> None:
    prepared(tmp_path, registry)
    words = ["--url", f"{allowing.url}/validate", "--key", str(tmp_path / "cosign.key"), "--registry", registry]
    result = assay(*words, "--case", "6", "--output", "json")
    assert result.exit_code == 1
    (case,) = json.loads(result.output)["cases"]
    assert (case["number"], case["outcome"]) == (6, "bypassed")
    assert " 6  bypassed" in assay(*words, "--case", "6").output


def test_a_webhook_that_cannot_be_reached_withstands_nothing(tmp_path: Path, registry: str) -> None:
    prepared(tmp_path, registry)
    url = f"http://127.0.0.1:{free_port()}/validate"
    words = ["--url", url, "--key", str(tmp_path / "cosign.key"), "--registry", registry, "--case", "6"]
    result = assay(*words)
    assert result.exit_code == 1
    assert "ConnectionError" in result.output


@pytest.mark.parametrize(
    "words", [[], ["--url", "https://x.test/validate"], ["--registry", "nowhere"], ["--registry", "host:port"]]
)
def test_a_call_that_lacks_something_is_a_usage_error(words: list[str]) -> None:
    assert assay(*words).exit_code == 2
