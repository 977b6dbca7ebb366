"""Mutation testing: which tests are asked, and what an altered function does."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from scripts import mutate
from scripts.mutant import Mutant
from scripts.mutant_trial import replace_functions, run_pytest
from scripts.mutate import JUDGED, Reach, find_modules, read_judged

OWN, OTHER, SLOW = "tests/test_it.py::own", "tests/test_other.py::other", "tests/test_other.py::slow"
REACH = Reach(
    by_line={1: frozenset({""}), 3: frozenset({OWN, OTHER, SLOW}), 4: frozenset({OTHER}), 5: frozenset({"", OTHER})},
    seconds={OWN: 3.0, OTHER: 1.0, SLOW: 2.0},
)


def mutant(line: int, *, at_import: bool = False) -> Mutant:
    return Mutant(name="f: a -> b", lines=frozenset({line}), at_import=at_import, octets=b"")


@pytest.mark.parametrize(
    ("line", "at_import", "tests"),
    [
        (3, False, [OWN, OTHER, SLOW]),
        (4, False, [OTHER]),
        (5, False, [OWN, OTHER, SLOW]),
        (4, True, [OWN, OTHER, SLOW]),
        (9, False, [OWN, OTHER, SLOW]),
    ],
)
def test_the_tests_that_reach_a_line_are_asked_those_of_the_module_first(
    line: int, *, at_import: bool, tests: list[str]
) -> None:
    assert REACH.trial(mutant(line, at_import=at_import), "it").tests == tests


def test_functions_and_methods_take_the_code_of_the_altered_module(tmp_path: Path) -> None:
    text = "def f():\n    return 1\n\n\nclass A:\n    def m(self):\n        return [x for x in (1, 2)]\n"
    file = tmp_path / "altered_here.py"
    file.write_text(text, encoding="utf-8")
    spec = spec_from_file_location("altered_here", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    altered = compile(text.replace("return 1", "return 7").replace("(1, 2)", "(3,)"), str(file), "exec")
    replace_functions([module.f, module.A.m], altered)
    assert (module.f(), module.A().m()) == (7, [3])


def test_every_module_that_decides_is_asked_about_unless_some_are_named() -> None:
    found = {file.name for file in find_modules([])}
    assert {"steps.py", "log_body.py", "bundle.py", "der.py"} <= found
    assert "__init__.py" not in found
    assert [file.name for file in find_modules(["service/assay/verification/log.py"])] == ["log.py"]


def test_every_judged_survivor_has_a_reason_and_a_module() -> None:
    assert JUDGED.is_file()
    stems = {file.stem for file in find_modules([])}
    assert read_judged().keys() <= stems


def test_a_child_is_silent_and_its_status_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_pytest(["--version"], []) == 0
    assert run_pytest(["--no-such-option"], []) == pytest.ExitCode.USAGE_ERROR
    assert capfd.readouterr() == ("", "")


def test_tests_that_fail_as_they_are_tell_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing = tmp_path / "test_failing.py"
    failing.write_text("def test_it():\n    assert False\n", encoding="utf-8")
    monkeypatch.setattr(mutate, "TESTS", (str(failing),))
    monkeypatch.setenv("COVERAGE_FILE", str(tmp_path / "coverage"))
    with pytest.raises(SystemExit, match="do not pass as they are"):
        mutate.measure([Path(sys.executable)])
