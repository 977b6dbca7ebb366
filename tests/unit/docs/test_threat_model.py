"""Every row of the threat model names a test, and that test exists."""

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_MODEL = _ROOT / "docs" / "threat-model.md"
_ROW = re.compile(r"^\| (T-[A-Z]+-\d+) \| .* \| ([^|]*) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ROWS = _ROW.findall(_MODEL.read_text(encoding="utf-8"))


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("threat", "cell"), _ROWS)
def test_the_tests_of_a_threat_exist(threat: str, cell: str) -> None:
    named = _TEST.findall(cell)
    assert named, f"{threat} names no test"
    missing = [f"{path}::{name}" for path, name in named if name not in _functions(_ROOT / path)]
    assert missing == []


def test_every_row_is_read() -> None:
    text = _MODEL.read_text(encoding="utf-8")
    assert len(_ROWS) == len(re.findall(r"^\| T-", text, re.MULTILINE)) > 0


def test_every_threat_has_an_id_of_its_own() -> None:
    threats = [threat for threat, _ in _ROWS]
    assert len(threats) == len(set(threats))
