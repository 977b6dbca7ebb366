"""One measured figure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value with its unit; `goal` is the most it may be, or the least with `at_least`; None while no goal is set."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether the value meets its goal, None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def judgement(self) -> str:
        """`holds`, `misses` or, without a goal, `no goal`."""
        return {None: "no goal", True: "holds", False: "misses"}[self.holds]

    def as_document(self) -> dict[str, object]:
        """The figure as data."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "goal": self.goal,
            "holds": self.holds,
        }

    def __str__(self) -> str:
        goal = "-" if self.goal is None else f"{'>=' if self.at_least else '<='} {self.goal:g}"
        return f"{self.name:<60} {self.value:>10.3f} {self.unit:<6} goal {goal:<8} {self.judgement}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
