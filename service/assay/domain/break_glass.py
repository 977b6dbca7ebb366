"""Break-glass: an allow that named people sign for named digests, for a short time and a number of uses."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.domain.digest import Digest
from assay.domain.quorum import Quorum

BREAK_GLASS = "https://assay.dev/break-glass/v1"
"""The predicate type of a grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What was granted, where, why, by whom it was asked for, and from when to when; nobody's signature is checked.

    `id` identifies exactly these terms: whoever signs them, a use is a use of the same grant. `expires` is no longer
    part of its time. `ValueError` for terms that grant nothing or explain nothing.
    """

    id: Digest
    digests: tuple[Digest, ...]
    tenant: str
    environment: str
    namespaces: tuple[str, ...]
    reason: str
    ticket: str
    owner: str
    not_before: datetime
    expires: datetime
    uses: int

    def __post_init__(self) -> None:
        texts = (self.tenant, self.environment, self.reason, self.ticket, self.owner, *self.namespaces)
        if not (self.digests and self.namespaces and all(text.strip() for text in texts)):
            raise ValueError("a grant names digests, tenant, environment, namespaces, reason, ticket and owner")
        if self.uses < 1 or self.expires <= self.not_before:
            raise ValueError("a grant has at least one use, and a time to use it in")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRules:
    """Who may grant, for how long at the most, and how often at the most."""

    quorum: Quorum
    longest: timedelta
    most_uses: int

    def objection(self, grant: Grant) -> str:
        """Why nobody may grant this, whoever signs it; empty when somebody may."""
        if grant.expires - grant.not_before > self.longest:
            return f"it is granted for longer than {self.longest}"
        if grant.uses > self.most_uses:
            return f"it is granted for more than {self.most_uses} uses"
        return ""

    def is_signed(self, signers: Mapping[Digest, AbstractSet[str]]) -> bool:
        """Whether these signers, by their ids and each with the authorities that name it, meet the quorum."""
        return all(
            sum(not names.isdisjoint(demand.names) for names in signers.values()) >= demand.count
            for demand in self.quorum.demands()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where and when something is to be allowed."""

    tenant: str
    environment: str
    namespace: str
    time: datetime

    def objection(self, grant: Grant) -> str:
        """Why the grant does not hold here and now; empty when it does."""
        if not grant.not_before <= self.time < grant.expires:
            return "it is not its time"
        if (grant.tenant, grant.environment) != (self.tenant, self.environment):
            return "it is for another tenant or environment"
        if self.namespace not in grant.namespaces:
            return "it is for other namespaces"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One look of admission at an object: `subject` is alike for both hooks, and `final` is that of the second one.

    What the first look took pays for one final look at the same subject within `VISIT_SECONDS`.
    """

    subject: Digest
    final: bool


VISIT_SECONDS = 60.0
"""How long the API server takes over one request at the most, by its default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantStanding:
    """How often a grant was used, and why it was revoked; empty when it was not."""

    uses: int
    revoked: str

    def objection(self, grant: Grant) -> str:
        """Why the grant cannot be used any more; empty when it can."""
        if self.revoked:
            return f"it was revoked: {self.revoked}"
        return "it is used up" if self.uses >= grant.uses else ""


def first_to_expire(grants: Sequence[Grant]) -> tuple[Grant, ...]:
    """The grants in the order in which they are used."""
    return tuple(sorted(grants, key=lambda grant: (grant.expires, grant.id.text)))
