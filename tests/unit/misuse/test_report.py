"""What is told about a run."""

import json

from assay_misuse.cases import CASES
from assay_misuse.report import render_json, render_table, withstood
from assay_misuse.run import CaseResult, Outcome, PartResult

PASSED = CaseResult(case=CASES[0], parts=(PartResult(part="a", outcome=Outcome.PASSED, attempts=3),))
REASONS = tuple(f"reason {number}" for number in range(5))
BYPASSED = CaseResult(case=CASES[1], parts=(PartResult(part="b", outcome=Outcome.BYPASSED, reasons=REASONS),))
NEEDING = CaseResult(
    case=CASES[2], parts=(PartResult(part="c", outcome=Outcome.NOT_APPLICABLE, reasons=("needs control: x",)),)
)


def test_the_table_says_why_a_part_is_no_pass() -> None:
    table = render_table([PASSED, BYPASSED, NEEDING])
    assert f" 1  pass            {CASES[0].title}" in table
    assert "      b: bypassed: reason 0; reason 1; reason 2; 2 more" in table
    assert "      c: not applicable: needs control: x" in table
    assert table.endswith("1 pass, 1 not applicable, 0 fail, 1 bypassed")


def test_the_document_holds_everything() -> None:
    document = json.loads(render_json([PASSED, BYPASSED]))
    assert document["withstood"] is False
    assert [case["number"] for case in document["cases"]] == [1, 2]
    assert document["cases"][1]["parts"] == [
        {"name": "b", "outcome": "bypassed", "attempts": 0, "reasons": list(REASONS)}
    ]


def test_withstood_is_what_passed_and_was_not_bypassed() -> None:
    assert withstood([PASSED, NEEDING])
    assert not withstood([PASSED, BYPASSED])
    assert not withstood([NEEDING])
    assert not withstood([])
