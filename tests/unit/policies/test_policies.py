"""The shipped policies: their own tests, their coverage, and what a typo does to them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.fixtures.engines import EXAMPLE, OPA, POLICIES

FIELD = re.compile(
    r"(?<![\w.\"'])(?:input|document|entry|source|attestation|signature|licence|image)(?:\[[^\]]*\])?\.(\w+)"
)
RULES = sorted(
    path
    for area in ("rule", "request")
    for path in (POLICIES / area).glob("*.rego")
    if not path.name.endswith("_test.rego")
)


def run(*arguments: str, folder: Path = POLICIES) -> subprocess.CompletedProcess[str]:
    return subprocess.run([OPA, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(
        "check", "--strict", "--schema", str(POLICIES / "schema" / "checker"), "--ignore", "*.json", ".", folder=folder
    )


def mutants(path: Path) -> Iterator[tuple[str, str]]:
    """The file with one field of the input misspelt, for every place that reads one."""
    text = path.read_text(encoding="utf-8")
    for match in FIELD.finditer(text):
        if not text[text.rindex("\n", 0, match.start()) + 1 :].startswith(("#", "import")):
            yield match[0], f"{text[: match.start(1)]}{match[1]}x{text[match.end(1) :]}"


def test_the_policies_pass_their_own_tests_with_every_line_covered() -> None:
    tested = run("test", "--ignore", "*.json", ".")
    assert tested.returncode == 0, tested.stdout
    covered = json.loads(run("test", "--ignore", "*.json", "--coverage", "--format", "json", ".").stdout)
    uncovered = {name: file.get("not_covered") for name, file in covered["files"].items() if file["coverage"] < 100}
    assert uncovered == {}
    assert covered["coverage"] == 100


def test_the_policies_are_formatted_and_type_check() -> None:
    assert run("fmt", "--list", ".").stdout == ""
    checked = check(POLICIES)
    assert checked.returncode == 0, checked.stderr


def test_every_rule_has_a_test_beside_it() -> None:
    missing = [path.name for path in POLICIES.rglob("*.rego") if not _is_tested(path)]
    assert missing == []


def _is_tested(path: Path) -> bool:
    return path.name.endswith("_test.rego") or path.with_name(f"{path.stem}_test.rego").exists()


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_misspelt_field_is_a_type_error(path: Path, tmp_path: Path) -> None:
    shutil.copytree(POLICIES, tmp_path / "policies", ignore=shutil.ignore_patterns("*_test.rego"))
    target = tmp_path / "policies" / path.relative_to(POLICIES)
    survived = []
    count = 0
    for place, text in mutants(path):
        target.write_text(text, encoding="utf-8")
        checked = check(tmp_path / "policies")
        count += 1
        if checked.returncode == 0 or "rego_type_error: undefined ref" not in checked.stderr:
            survived.append(place)
    assert survived == []
    assert count >= 2


def test_the_example_rule_data_has_the_shape_of_its_schema() -> None:
    schema = json.loads((POLICIES / "schema" / "rule_data.v1.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(json.loads(EXAMPLE.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("name", ["assay.input.v1.json", "assay.request.v1.json"])
def test_every_object_of_a_document_is_closed_or_an_open_map_of_text(name: str) -> None:
    schema = json.loads((POLICIES / "schema" / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    pending, seen = [schema], 0
    while pending:
        node = pending.pop()
        pending += [value for value in node.values() if isinstance(value, dict)]
        if node.get("type") == "object":
            seen += 1
            closed = node["additionalProperties"] is False and set(node["required"]) == set(node["properties"])
            assert closed or node["additionalProperties"] == {"type": "string"}
    assert seen > 10
