"""What is told about a run: a table, or JSON."""

import json
from collections.abc import Sequence

from assay_misuse.run import CaseResult, Outcome

_FEW = 3


def render_table(results: Sequence[CaseResult]) -> str:
    """One line for each case, and below it why a part is not a pass."""
    lines = []
    for result in results:
        lines.append(f"{result.case.number:>2}  {result.outcome:<14}  {result.case.title}")
        for part in result.parts:
            if part.outcome is not Outcome.PASSED:
                told = [*part.reasons[:_FEW], *([f"{len(part.reasons) - _FEW} more"] if part.reasons[_FEW:] else [])]
                lines.append(f"      {part.part}: {part.outcome}: {'; '.join(told)}")
    counted = [f"{sum(result.outcome is outcome for result in results)} {outcome}" for outcome in Outcome]
    return "\n".join([*lines, "", ", ".join(counted)])


def render_json(results: Sequence[CaseResult]) -> str:
    """Everything as one document."""
    return json.dumps(
        {
            "withstood": withstood(results),
            "cases": [
                {
                    "number": result.case.number,
                    "title": result.case.title,
                    "sources": list(result.case.sources),
                    "outcome": result.outcome.value,
                    "parts": [
                        {
                            "name": part.part,
                            "outcome": part.outcome.value,
                            "attempts": part.attempts,
                            "reasons": list(part.reasons),
                        }
                        for part in result.parts
                    ],
                }
                for result in results
            ],
        },
        indent=2,
    )


def withstood(results: Sequence[CaseResult]) -> bool:
    """Whether at least one case passed, and none was bypassed or failed."""
    outcomes = {result.outcome for result in results}
    return Outcome.PASSED in outcomes and not outcomes & {Outcome.BYPASSED, Outcome.FAILED}
