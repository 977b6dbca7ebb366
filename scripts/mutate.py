"""Ask of every small defect in a module whether a test would notice it: `python -m scripts.mutate [MODULE ...]`.

Only the tests that reach the altered line run, those of the module itself first, until the first one fails. What
survives is either judged in `scripts/mutants_judged.toml`, with the reason why it cannot weaken a check, or it fails
the run: a test is missing. The checkout is never changed.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import coverage
import pytest

from scripts.mutant import Mutant, find_mutants
from scripts.mutant_trial import PLAIN, UNSUITABLE, Trial, run_pytest, test_file, try_at_import, try_on_live_functions

ROOT = Path(__file__).resolve().parent.parent
JUDGED = ROOT / "scripts" / "mutants_judged.toml"
VERIFICATION = "service/assay/verification"
FORMATS = tuple(
    f"service/assay/formats/{name}.py"
    for name in (
        "base64text",
        "bundle",
        "certificate",
        "der",
        "dsse",
        "legacy_evidence",
        "log_entry",
        "pem",
        "public_key",
        "simple_signing",
        "statement",
        "strict_json",
        "timestamp_token",
        "trusted_root",
    )
)
TESTS = (
    "tests/unit/verification",
    "tests/unit/formats",
    "tests/unit/cli/test_verify_bundle.py",
    "tests/integration/test_cosign_vectors.py",
    "tests/property/test_evidence_parsers.py",
    "tests/property/test_timestamps.py",
    "tests/property/test_timestamp_fuzz.py",
    "tests/property/test_bundle_fuzz.py",
)
_SMALL = {"ASSAY_FUZZ_BUNDLES": "300", "ASSAY_FUZZ_TOKENS": "300"}
_PRELOADED = ("cryptography.x509", "hypothesis", "nacl.bindings", "re2", "rfc3161_client", "sigstore.verify")


class _Timed:
    """Writes down how long each test took."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        self._file.write_text(json.dumps(self._seconds), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which tests reach which lines of a module, and how long each test takes."""

    by_line: Mapping[int, frozenset[str]]
    seconds: Mapping[str, float]

    def trial(self, mutant: Mutant, stem: str) -> Trial:
        """The tests that could notice a mutant: first those of one file, then the others, the fastest first.

        The file is that of the module `stem`, else the one most of whose tests reach the mutant.
        """
        reached = frozenset[str]().union(*(names for line, names in self.by_line.items() if line in mutant.lines))
        found = frozenset[str]().union(*self.by_line.values()) if self.at_import(mutant) else reached
        fastest = sorted(found - {""}, key=lambda name: self.seconds.get(name, 0.0))
        files = Counter(test_file(name) for name in fastest)
        first = max(files, key=lambda file: (file.endswith(f"/test_{stem}.py"), files[file]), default="")
        return Trial(mutant=mutant, tests=sorted(fastest, key=lambda name: test_file(name) != first))

    def at_import(self, mutant: Mutant) -> bool:
        """Whether the mutant's lines run at import, of this module or of a test's: then every test depends on them."""
        reached = frozenset[str]().union(*(names for line, names in self.by_line.items() if line in mutant.lines))
        return mutant.at_import or not reached or "" in reached


def measure(modules: Sequence[Path]) -> dict[Path, Reach]:
    """Run the tests once, unaltered, and see which lines of the modules each of them reaches."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, data = Path(folder) / "seconds.json", Path(folder) / "coverage"
        os.environ["COVERAGE_FILE"] = str(data)
        packages = ("--cov=assay.verification", "--cov=assay.formats")
        status = run_pytest([*TESTS, *PLAIN, "--cov-context=test", "--cov-report=", *packages], [_Timed(seconds)])
        if status != 0:
            raise SystemExit(f"the tests do not pass as they are (status {status}): mutants would tell nothing")
        reached = coverage.CoverageData(basename=str(data))
        reached.read()
        durations = json.loads(seconds.read_text(encoding="utf-8"))
        return {module: Reach(by_line=_by_line(reached, module), seconds=durations) for module in modules}


def _by_line(data: coverage.CoverageData, module: Path) -> dict[int, frozenset[str]]:
    contexts = data.contexts_by_lineno(str(module))
    return {line: frozenset(name.rpartition("|")[0] for name in names) for line, names in contexts.items()}


def mutate(module: Path, reach: Reach, judged: frozenset[str]) -> Counter[str]:
    """Try every mutant of a module, and count what became of them; those in `judged` may survive."""
    mutants = find_mutants(module.read_bytes())
    counts = Counter[str]()
    for gone in sorted(judged - {mutant.name for mutant in mutants}):
        counts["survived"] += 1
        print(f"    judged, but no mutant: {gone}", flush=True)
    trials = [reach.trial(mutant, module.stem) for mutant in mutants]
    quick = [trial for trial in trials if not trial.mutant.at_import]
    statuses = dict(zip((trial.mutant for trial in quick), try_on_live_functions(module, quick), strict=True))
    name = ".".join(module.relative_to(ROOT).with_suffix("").parts[1:])
    for trial in trials:
        status = statuses.get(trial.mutant, UNSUITABLE)
        if status == UNSUITABLE or (status == 0 and reach.at_import(trial.mutant)):
            status = try_at_import(module, name, trial)
        fate = _fate(status)
        if fate == "survived" and trial.mutant.name in judged:
            fate = "judged"
        counts[fate] += 1
        if fate == "survived":
            print(f"    survived: line {min(trial.mutant.lines)}: {trial.mutant.name}", flush=True)
    return counts


def _fate(status: int) -> str:
    if status == 0:
        return "survived"
    return "killed" if status > 0 else "timed out"


def find_modules(named: Sequence[str]) -> list[Path]:
    """The modules of the checkout that are meant; without a name, everything that decides about evidence."""
    places = [ROOT / place for place in named or (VERIFICATION, *FORMATS)]
    found = [file for place in places for file in (sorted(place.glob("*.py")) if place.is_dir() else [place])]
    return [file for file in found if file.name != "__init__.py"]


def read_judged() -> dict[str, frozenset[str]]:
    """The names of mutants that may survive, by module."""
    entries = tomllib.loads(JUDGED.read_text(encoding="utf-8"))["judged"]
    modules = {entry["module"] for entry in entries}
    return {
        module: frozenset(name for entry in entries if entry["module"] == module for name in entry["mutants"])
        for module in modules
    }


def main(arguments: Sequence[str]) -> int:
    """Mutate what was asked for and return the exit status: 0 when nothing survived that is not judged."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="a file or folder below the checkout")
    modules = find_modules(parser.parse_args(arguments).modules)
    os.chdir(ROOT)
    os.environ.update(_SMALL)
    judged = read_judged()
    for name in _PRELOADED:
        import_module(name)
    reaches = measure(modules)
    total = Counter[str]()
    for module in modules:
        began = time.monotonic()
        counts = mutate(module, reaches[module], judged.get(module.stem, frozenset()))
        total += counts
        seconds = time.monotonic() - began
        print(f"{module.relative_to(ROOT)}: {_render(counts)} ({seconds:.0f} s)", flush=True)
    print(f"all: {_render(total)}", flush=True)
    return 1 if total["survived"] else 0


def _render(counts: Counter[str]) -> str:
    kinds = ("killed", "timed out", "judged", "survived")
    return f"{counts.total()} mutants, " + ", ".join(f"{counts[kind]} {kind}" for kind in kinds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
