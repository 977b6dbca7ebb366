"""Run the tests against mutants, each in a forked child of its own, so that nothing outside of it ever changes.

There are two ways. Where a line is reached by tests only, all tests are collected once, with the module as it is, and
each child puts the altered function in the place of the live one: quick. What runs at import needs a child that has
imported nothing yet and gets the altered text from the import system.
"""

import gc
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from scripts.mutant import Mutant

PLAIN = ("-q", "-p", "no:cacheprovider", "--timeout=0", "-W", "ignore::pytest.PytestAssertRewriteWarning")
_UNMEASURED = (*PLAIN, "-p", "no:cov")
_FIRST_FAILURE = (*_UNMEASURED, "-x", "--tb=no")
_SECONDS = 60
UNSUITABLE = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A mutant, and the tests that could notice it in the order in which they are asked."""

    mutant: Mutant
    tests: Sequence[str]


class _Loader(SourceFileLoader):
    """Loads a module from a text in memory, never from a cache and never into one."""

    def __init__(self, name: str, path: Path, octets: bytes) -> None:
        super().__init__(name, str(path))
        self._octets = octets

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  # the import system's signature
        return compile(self._octets, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds one module, the altered one."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != self._loader.name:
            return None
        return spec_from_file_location(name, self._loader.path, loader=self._loader)


class _Chosen:
    """Leaves the chosen tests of what pytest collected, in the chosen order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._rank = {name: rank for rank, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._rank]
        items[:] = sorted(chosen, key=lambda item: self._rank[item.nodeid])


class _Snapshot:
    """Instead of running what was collected, forks for each trial and runs its tests on the altered functions."""

    def __init__(self, module: Path, trials: Sequence[Trial], report: Path) -> None:
        self._module, self._trials, self._report = module, trials, report
        self._trying = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        live = [each for each in gc.get_objects() if self._is_live(each)]
        gc.freeze()
        statuses = [self._try(trial, items, live) for trial in self._trials]
        self._report.write_text(json.dumps(statuses), encoding="utf-8")
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._trying and report.failed:
            os._exit(1)

    def _is_live(self, each: object) -> bool:
        return isinstance(each, FunctionType) and Path(each.__code__.co_filename) == self._module

    def _try(self, trial: Trial, items: Mapping[str, pytest.Item], live: Sequence[FunctionType]) -> int:
        child = os.fork()
        if child:
            return wait_for(child)
        limit_time()
        self._trying = True
        try:
            replace_functions(live, compile(trial.mutant.octets, str(self._module), "exec", dont_inherit=True))
        except ValueError:
            os._exit(UNSUITABLE)
        chosen = [items[name] for name in trial.tests]
        for item, following in zip_longest(chosen, chosen[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        os._exit(0)


def replace_functions(live: Sequence[FunctionType], altered: CodeType) -> None:
    """Give functions and methods the code that they have in the altered module; `ValueError` for a closure."""
    codes = {code.co_qualname: code for code in _function_codes(altered)}
    for function in live:
        code = codes.get(function.__qualname__)
        if code is not None and code != function.__code__:
            function.__code__ = code


def _function_codes(code: CodeType) -> Iterator[CodeType]:
    """The code of functions of a module and of methods of its classes; not that of functions inside functions."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            if constant.co_flags & 0x2 == 0:  # a class body: it has no fast locals (CO_NEWLOCALS)
                yield from _function_codes(constant)


def try_on_live_functions(module: Path, trials: Sequence[Trial]) -> list[int]:
    """The status of each trial: 0 survived, 1 killed, negative timed out, `UNSUITABLE` must be imported."""
    files = sorted({test_file(name) for trial in trials for name in trial.tests})
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "statuses.json"
        run_pytest([*files, *_UNMEASURED], [_Snapshot(module, trials, report)])
        statuses: list[int] = json.loads(report.read_text(encoding="utf-8"))
        return statuses


def try_at_import(module: Path, name: str, trial: Trial) -> int:
    """The status of a trial whose module is imported as altered: the tests of the first file, then the others."""
    first = [test for test in trial.tests if test_file(test) == test_file(trial.tests[0])]
    rest = [test for test in trial.tests if test_file(test) != test_file(trial.tests[0])]
    status = 0
    for tests in filter(None, (first, rest)):
        if status == 0:
            files = sorted({test_file(test) for test in tests})
            loader = _Loader(name, module, trial.mutant.octets)
            status = run_pytest([*files, *_FIRST_FAILURE], [_Chosen(tests)], loader)
    return status


def run_pytest(arguments: Sequence[str], plugins: Sequence[object], loader: _Loader | None = None) -> int:
    """Run pytest in a forked child, silently, and return its status, or minus the signal that ended it."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return wait_for(child)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.stdout = sys.stderr = os.fdopen(silence, "w")
    if loader is not None:
        limit_time()
        sys.meta_path.insert(0, _Finder(loader))
    os._exit(int(pytest.main([*arguments], plugins=list(plugins))))


def limit_time() -> None:
    """End this process when it takes too long."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    signal.alarm(10 * _SECONDS)


def wait_for(child: int) -> int:
    """The exit status of a child, or minus the signal that ended it."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def test_file(test: str) -> str:
    """The file that a test is in."""
    return test.partition("::")[0]
