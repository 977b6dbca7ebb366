"""Grants (break-glass): minted, and kept in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from assay.domain.break_glass import GrantRules, GrantStanding, Visit
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.quorum import Quorum
from assay.formats.break_glass import parse_grant, render_grant
from assay.usecases.break_glass import BreakGlass
from assay.usecases.sign import KeyEvidenceSigner, state_grant
from tests.fakes.clock import FrozenClock
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.signing import FakeAuthority

SECURITY = FakeAuthority("security")
NOW = FrozenClock().now()
RULES = GrantRules(quorum=Quorum(authorities=("security",), threshold=1), longest=timedelta(hours=24), most_uses=10)


def terms(**changes: Any) -> Mapping[str, object]:
    """The terms of a grant that holds now."""
    usual: dict[str, Any] = {
        "tenant": TENANT,
        "environment": ENVIRONMENT,
        "namespaces": ["shop"],
        "reason": "the registry of signatures is down",
        "ticket": "OPS-1",
        "owner": "alice",
        "not_before": NOW - timedelta(hours=1),
        "expires": NOW + timedelta(hours=1),
        "uses": 3,
    }
    return render_grant(**(usual | changes))


def mint_grant(*digests: Digest, signer: FakeAuthority = SECURITY, **changes: Any) -> bytes:
    """A signed grant for these digests."""
    return KeyEvidenceSigner(signer).sign_statement(state_grant(digests, terms(**changes)))


def identify(*digests: Digest, **changes: Any) -> Digest:
    """The id of `mint_grant` with the same arguments."""
    return parse_grant(terms(**changes), digests).id


@dataclass
class MemoryGrants:
    """Grants and their uses in memory; `fault` breaks every call, `before_use` runs before a use is taken."""

    bundles: Sequence[bytes] = ()
    uses: dict[Digest, set[str]] = field(default_factory=dict)
    revoked: dict[Digest, str] = field(default_factory=dict)
    visits: list[tuple[Digest, Digest]] = field(default_factory=list)
    fault: bool = False
    before_use: Callable[[], None] = lambda: None

    def list_bundles(self) -> Sequence[bytes]:
        if self.fault:
            raise Unavailable("grants_unavailable", "they cannot be read", remedy="repeat")
        return self.bundles

    def standing(self, grant: Digest) -> GrantStanding:
        return GrantStanding(uses=len(self.uses.get(grant, ())), revoked=self.revoked.get(grant, ""))

    def is_paid(self, grant: Digest, visit: Visit, *, time: datetime) -> bool:
        del time
        return visit.final and (grant, visit.subject) in self.visits

    def use(self, grant: Digest, *, decision: str, time: datetime, most: int, visit: Visit) -> bool:
        self.before_use()
        taken = self.uses.setdefault(grant, set())
        if grant in self.revoked:
            return False
        if self.is_paid(grant, visit, time=time):
            self.visits.remove((grant, visit.subject))
            return True
        if decision not in taken and len(taken) >= most:
            return False
        taken.add(decision)
        if not visit.final:
            self.visits.append((grant, visit.subject))
        return True

    def revoke(self, grant: Digest, *, time: datetime, reason: str) -> bool:
        del time
        return self.revoked.setdefault(grant, reason) == reason


def glass(*bundles: bytes, rules: GrantRules = RULES) -> tuple[BreakGlass, MemoryGrants]:
    """Grants and their rules, and the place they are in."""
    grants = MemoryGrants(bundles=bundles)
    return BreakGlass(grants=grants, rules=rules), grants
