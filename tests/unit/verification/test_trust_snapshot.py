"""What is trusted at one moment, and when that is nobody."""

from assay.domain.identity import Authority
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.signing import FakeAuthority

KEYED = FakeAuthority().authority
WAITING = Authority(name="waiting", keys=KEYED.keys, root="own")
MISSING = {"own": "nothing was fetched yet"}


def test_trust_without_anybody_is_an_outage() -> None:
    assert TrustSnapshot.of([], {}).outage() == "nobody is trusted"
    assert TrustSnapshot.of([KEYED], {}).outage() == ""


def test_a_root_that_is_missing_concerns_its_own_authorities() -> None:
    both = TrustSnapshot.of([KEYED, WAITING], {}, unavailable=MISSING)
    assert (both.outage(), both.waiting()) == ("", frozenset({"waiting"}))
    assert TrustSnapshot.of([WAITING], {}, unavailable=MISSING).outage() == "own: nothing was fetched yet"


def test_what_never_changes_is_its_own_snapshot() -> None:
    trust = TrustSnapshot.of([KEYED], {})
    assert trust.snapshot() is trust
