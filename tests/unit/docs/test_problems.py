"""Every stable code of the source stands in docs/problems.md, and nothing else does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.domain.reason import RETRYABLE_CODES

_ROOT = Path(__file__).parents[3]
_SOURCES = ("service/assay", "webhooks/assay_webhooks", "builder/assay_builder")
_RAISED = {
    "AssayError",
    "InvalidInput",
    "Unavailable",
    "ConfigError",
    "EvidenceRejected",
    "_refuse",
    "_rejected",
    "_report_json",
}
_TABLES = {"GAP_CODES", "REJECTION_CODES", "_REFUSALS"}
_CODE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_RULE = re.compile(r"^#   code: (\S+)$", re.MULTILINE)
_ROW = re.compile(r"^\| `([a-z_.]+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
# Words in the place of a code that are none: the client's own place name in a parser.
_NO_CODES = {"problem"}


def codes_of(source: str) -> set[str]:
    """The codes that a module can raise, answer or report, as far as they are written in it."""
    return {text for node in ast.walk(ast.parse(source)) for text in _codes(node) if _CODE.fullmatch(text)} - _NO_CODES


def _codes(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(code)), *_]):
            if name in _RAISED or (name == "__init__" and len(node.args) > 1):
                yield code
        case ast.Call(func=ast.Name(id="_refuse"), args=[_, _, ast.Constant(value=str(code)), *_]):
            yield code
        case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
            yield code
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(code))):
            if name.lower() in {"code", "_code", "_malformed"}:
                yield code
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)) if name in _TABLES:
            yield from _texts(keys)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(keys=keys)) if name in _TABLES:
            yield from _texts(keys)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
        named = zip(node.targets[0].elts, node.value.elts, strict=False)
        yield from _texts(value for target, value in named if isinstance(target, ast.Name) and target.id == "code")


def _texts(nodes: object) -> Iterator[str]:
    assert hasattr(nodes, "__iter__")
    yield from (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _source_codes() -> set[str]:
    modules = [path for folder in _SOURCES for path in (_ROOT / folder).rglob("*.py")]
    rules = [path for path in (_ROOT / "policies").rglob("*.rego") if not path.name.endswith("_test.rego")]
    found = {code for path in modules for code in codes_of(path.read_text(encoding="utf-8"))}
    return found | {code for path in rules for code in _RULE.findall(path.read_text(encoding="utf-8"))}


def _rows() -> list[tuple[str, str, str, str]]:
    return _ROW.findall((_ROOT / "docs" / "problems.md").read_text(encoding="utf-8"))


def test_every_code_is_explained_and_nothing_else_is() -> None:
    explained = {code for code, *_ in _rows()}
    known = _source_codes()
    assert (sorted(known - explained), sorted(explained - known)) == ([], [])
    assert known >= RETRYABLE_CODES


def test_a_code_is_explained_once_and_in_order() -> None:
    text = (_ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    for table in re.split(r"^## ", text, flags=re.MULTILINE):
        codes = [code for code, *_ in _ROW.findall(table)]
        assert codes == sorted(set(codes))
    assert len({code for code, *_ in _rows()}) == len(_rows())


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ('raise InvalidInput("a_b", "why", remedy="c")', {"a_b"}),
        ('raise errors.Unavailable("gone", "why", remedy="c")', {"gone"}),
        ('f(code="here")', {"here"}),
        ('_CODE = "constant"', {"constant"}),
        ('GAP_CODES: dict[str, int] = {"absent": 1}', {"absent"}),
        ('code, message = "internal", "text"', {"internal"}),
        ('print("nothing")', set()),
    ],
)
def test_codes_are_read_from_the_source(source: str, codes: set[str]) -> None:
    assert codes_of(source) == codes
