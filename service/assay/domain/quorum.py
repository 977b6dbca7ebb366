"""Quorums: how many authorities must agree, each by a signer of its own."""

from dataclasses import dataclass
from itertools import combinations

MOST_AUTHORITIES = 8
"""The most authorities of one quorum: its demands are about subsets of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """At least `count` different signers that these authorities name; `ValueError` when it demands nothing."""

    names: tuple[str, ...]
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or not self.names:
            raise ValueError("a demand names an authority and asks for at least one signer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """`threshold` of these authorities, the `required` ones among them.

    Met when as many authorities can each be given a signer of its own: a key or identity stands for one authority
    only, even when several name it, and an authority counts once, whoever of it signed. `ValueError` for what can
    never be met, demands nothing, or names an authority twice.
    """

    authorities: tuple[str, ...]
    threshold: int
    required: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.authorities) <= MOST_AUTHORITIES:
            raise ValueError(f"a quorum has 1 to {MOST_AUTHORITIES} authorities")
        for names in (self.authorities, self.required):
            if len(set(names)) != len(names):
                raise ValueError("an authority is named twice")
        if not set(self.required) <= set(self.authorities):
            raise ValueError("a required authority is not one of the quorum's")
        if not max(1, len(self.required)) <= self.threshold <= len(self.authorities):
            raise ValueError("the threshold is 1 to the number of authorities, and no less than the required ones")

    def demands(self) -> tuple[Demand, ...]:
        """What the quorum comes down to: numbers of different signers, all of which must be there.

        By Hall's theorem, signers can be assigned so that `threshold` authorities have one each exactly when every
        set of authorities has as many as it has members, less those that may be missing; those that are required may
        not be missing, and an assignment that serves them can always be extended. Demands that follow from another
        one about fewer authorities are left out.
        """
        found: list[Demand] = []
        missing = len(self.authorities) - self.threshold
        for size in range(1, len(self.authorities) + 1):
            for names in combinations(sorted(self.authorities), size):
                count = size if set(names) <= set(self.required) else size - missing
                implied = any(other.count >= count and set(other.names) < set(names) for other in found)
                if count > 0 and not implied:
                    found.append(Demand(names=names, count=count))
        return tuple(found)
