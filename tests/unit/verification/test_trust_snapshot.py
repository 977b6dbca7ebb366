"""What is trusted at one moment, by which digest, and when that is nobody."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from assay.domain.digest import Digest
from assay.domain.identity import Authority, MissingKey
from assay.domain.root_origin import RootOrigin, RootSource
from assay.verification.identity import IdentityPattern
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.certificate import NOW, YEAR
from tests.fakes.judge import ACME, ROOT, WORLD, release, trust
from tests.fakes.signing import FakeAuthority

KEYED = FakeAuthority().authority
WAITING = Authority(name="waiting", keys=KEYED.keys, root="own")
KEPT = Authority(name="kept", missing_keys=(MissingKey(name="openbao://kept", why="silence"),))
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


def test_a_key_that_is_missing_concerns_its_own_authority() -> None:
    both = TrustSnapshot.of([KEYED, KEPT], {})
    assert (both.outage(), both.waiting(), both.lacking()) == ("", frozenset(), frozenset({"kept"}))
    assert both.missing_keys() == (("kept", "the key openbao://kept: silence"),)
    assert TrustSnapshot.of([KEPT], {}).outage() == "kept: the key openbao://kept: silence"
    assert TrustSnapshot.of([replace(KEPT, keys=KEYED.keys)], {}).outage() == ""


def test_missing_keys_and_roots_together_may_leave_nobody() -> None:
    nobody = TrustSnapshot.of([WAITING, KEPT], {}, unavailable=MISSING)
    assert nobody.outage() == "own: nothing was fetched yet; kept: the key openbao://kept: silence"


def test_a_missing_key_changes_the_digest() -> None:
    whole = replace(KEPT, keys=KEYED.keys, missing_keys=())
    assert TrustSnapshot.of([whole], {}).digest != TrustSnapshot.of([KEPT], {}).digest


OWN = trust()
KEY = FakeAuthority().public_key()
OTHER_KEY = FakeAuthority(name="other").public_key()
RULE = ACME.identities[0]
OTHER_RULE = IdentityPattern(issuer=None, san=TextPattern(exact="somebody@example.com"))
FULL = Authority(name="full", keys=(KEY, OTHER_KEY), identities=(RULE, OTHER_RULE), root=ROOT)


def digest(*authorities: Authority, profile: TrustProfile | None = None) -> Digest:
    return TrustSnapshot.of(authorities, {ROOT: trust(profile=profile)}).digest


@pytest.mark.parametrize(
    "other",
    [
        [FULL],
        [replace(FULL, name="other"), KEYED],
        [replace(FULL, keys=(KEY,)), KEYED],
        [replace(FULL, keys=(KEY, replace(OTHER_KEY, valid_from=NOW))), KEYED],
        [replace(FULL, keys=(KEY, replace(OTHER_KEY, valid_until=NOW))), KEYED],
        [replace(FULL, identities=(RULE,)), KEYED],
        [replace(FULL, root="elsewhere"), KEYED],
    ],
)
def test_the_digest_changes_with_whoever_is_trusted(other: Sequence[Authority]) -> None:
    assert digest(*other) != digest(FULL, KEYED)
    assert digest(FULL, KEYED) == digest(FULL, KEYED)


def test_the_digest_changes_with_the_roots_and_with_the_window_of_a_key() -> None:
    assert digest(FULL) != digest(FULL, profile=TrustProfile.github())
    assert digest(FULL) != TrustSnapshot.of([FULL], {}).digest
    assert digest(FULL) != TrustSnapshot.of([FULL], {"elsewhere": OWN}).digest
    early, late = (replace(KEYED, keys=(replace(KEY, valid_until=time),)) for time in (NOW, NOW + YEAR))
    assert digest(early) != digest(late)


def test_the_digest_does_not_change_with_the_order_of_the_configuration() -> None:
    turned = replace(FULL, keys=FULL.keys[::-1], identities=FULL.identities[::-1])
    assert digest(KEYED, turned) == digest(FULL, KEYED)
    roots = {"a": OWN, "b": OWN}
    backwards = dict(reversed(roots.items()))
    assert TrustSnapshot.of([KEYED], roots).digest == TrustSnapshot.of([KEYED], backwards).digest


def test_a_snapshot_is_made_of_what_it_was_given() -> None:
    origins = {ROOT: RootOrigin(source=RootSource.FILE, place="root.json")}
    made = TrustSnapshot.of([ACME, release(WORLD)], {ROOT: OWN}, unavailable=MISSING, origins=origins)
    assert (made.authorities, made.roots, made.origins) == ((ACME, release(WORLD)), {ROOT: OWN}, origins)
    assert [(group.root, len(group.members)) for group in made.groups] == [(OWN, 2)]
    assert made.outage() == "own: nothing was fetched yet"


def test_an_outage_names_every_root_that_is_missing() -> None:
    reasons = {"own": "too old", "github": "never fetched"}
    authorities = [WAITING, replace(WAITING, name="second", root="github")]
    waiting = TrustSnapshot.of(authorities, {}, unavailable=reasons)
    assert waiting.outage() == "own: too old; github: never fetched"
    assert TrustSnapshot.of([WAITING, WAITING], {}, unavailable=reasons).outage()
