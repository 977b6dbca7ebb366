"""The runner runs everything and passes only when everything passed."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts import run_tests
from scripts.run_tests import PURE, Step, check_steps, main, run
from scripts.run_tests import test_steps as steps_of_tests

_PASSES = Step(name="good", command=("true",))
_FAILS = Step(name="bad", command=("sh", "-c", "exit 3"))


def test_every_step_runs_even_after_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([_FAILS, _PASSES]) == ["bad"]
    out = capfd.readouterr().out
    assert "== bad: FAILED with status 3" in out
    assert "== good: passed" in out


def test_what_runs_beside_a_step_counts_like_it_and_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    talks = Step(name="talks", command=("sh", "-c", "echo $COVERAGE_FILE; exit 4"), coverage=".coverage-talks")
    assert run([replace(_PASSES, beside=talks), replace(_FAILS, beside=_PASSES)]) == ["talks", "bad"]
    out = capfd.readouterr().out
    assert "/.coverage-talks\n" in out
    assert "== talks: FAILED with status 4" in out


def test_tests_run_confined_to_loopback() -> None:
    for tools in (True, False):
        step = steps_of_tests(Path("/venv/bin"), tools=tools)[0]
        assert all("--unshare-net" in item.command for item in (step, step.beside) if item is not None)


def test_every_test_runs_in_one_of_two_runs_that_measure_apart() -> None:
    step = steps_of_tests(Path("/venv/bin"), tools=True)[0]
    assert step.beside is not None
    assert (step.command[-1], step.beside.command[-1]) == ("tests/e2e", "--ignore=tests/e2e")
    assert step.coverage != step.beside.coverage


def test_the_fast_run_leaves_out_what_needs_test_tools() -> None:
    (only,) = steps_of_tests(Path("/venv/bin"), tools=False)
    assert only.command[-2:] == ("-m", "not tools")


def test_the_whole_run_has_two_coverage_gates() -> None:
    combined, *reports = steps_of_tests(Path("/venv/bin"), tools=True)[1:]
    assert combined.command[1] == "combine"
    gates = [step.command[-1] for step in reports]
    assert gates == ["--fail-under=100", "--fail-under=90"]


def test_the_checks_are_four() -> None:
    assert [step.name for step in check_steps(Path("/b"))] == ["ruff check", "ruff format", "mypy", "import contracts"]


@pytest.mark.parametrize(("step", "status", "last"), [(_PASSES, 0, "all 1 steps passed"), (_FAILS, 1, "failed: bad")])
def test_the_exit_status_is_that_of_the_worst_step(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], step: Step, status: int, last: str
) -> None:
    monkeypatch.setattr(run_tests, "check_steps", lambda _: (step,))
    assert main(["check"]) == status
    assert last in capfd.readouterr().out


def test_the_fast_run_is_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tests, "test_steps", lambda _, *, tools: () if tools else (_PASSES,))
    assert main(["test-fast"]) == 0


@pytest.mark.parametrize("pattern", PURE)
def test_every_pure_package_exists(pattern: str) -> None:
    assert list(Path(__file__).parents[3].glob(pattern))
