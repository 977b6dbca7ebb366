"""One measured figure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value with its unit; `goal` is the most it may be, None while no goal is set."""

    name: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def judgement(self) -> str:
        """`holds`, `misses` or, without a goal, `no goal`."""
        if self.goal is None:
            return "no goal"
        return "holds" if self.value <= self.goal else "misses"

    def as_document(self) -> dict[str, object]:
        """The figure as data."""
        holds = None if self.goal is None else self.value <= self.goal
        return {"name": self.name, "value": round(self.value, 3), "unit": self.unit, "goal": self.goal, "holds": holds}

    def __str__(self) -> str:
        goal = "-" if self.goal is None else f"{self.goal:g}"
        return f"{self.name:<42} {self.value:>10.2f} {self.unit:<6} goal {goal:<8} {self.judgement}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
