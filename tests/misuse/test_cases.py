"""The misuse cases against the webhook of this process; each part has its passing twin among its attempts."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from assay_misuse.bench import Bench
from assay_misuse.case import Case
from assay_misuse.cases import CASES
from assay_misuse.run import Outcome, PartResult, run_part
from scripts.misuse_table import DOCUMENT, RESULTS, part_name, render_document
from tests.fakes.misuse_stage import Stage

PARTS = [(case, number) for case in CASES for number in range(len(case.parts))]


class Played:
    """The results of parts, each of which is played once."""

    def __init__(self, bench: Bench, stage: Stage) -> None:
        self._bench, self._stage = bench, stage
        self._results: dict[str, PartResult] = {}

    def result(self, case: Case, number: int) -> PartResult:
        name = part_name(case, number)
        if name not in self._results:
            self._results[name] = run_part(case, case.parts[number], self._bench, self._stage)
        return self._results[name]

    def outcomes(self) -> dict[str, str]:
        return {part_name(case, number): self.result(case, number).outcome.value for case, number in PARTS}


@pytest.fixture(scope="session")
def played(misuse_bench: Bench, stage: Stage) -> Played:
    return Played(misuse_bench, stage)


def _named() -> list[Any]:
    return [
        pytest.param(case, number, id=f"{case.number:02} {case.sources[0]} {case.parts[number].name}".replace("/", " "))
        for case, number in PARTS
    ]


@pytest.mark.parametrize(("case", "number"), _named())
def test_the_webhook_withstands(played: Played, case: Case, number: int) -> None:
    result = played.result(case, number)
    assert result.reasons == ()
    assert result.outcome is Outcome.PASSED


def test_all_thirty_cases_are_there() -> None:
    assert [case.number for case in CASES] == list(range(1, 31))


def test_the_document_says_what_was_found(played: Played) -> None:
    outcomes = played.outcomes()
    if RESULTS in os.environ:
        Path(os.environ[RESULTS]).write_text(json.dumps(outcomes))
    assert DOCUMENT.read_text(encoding="utf-8") == render_document(outcomes), "python -m scripts.misuse_table"
