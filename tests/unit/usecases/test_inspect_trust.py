"""What somebody should look after before it denies."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from assay.domain.identity import Authority, MissingKey
from assay.domain.root_origin import RootOrigin, RootSource
from assay.usecases.inspect_trust import inspect_trust
from assay.verification.trust_root import TrustProfile, TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.certificate import NOW, SECOND, YEAR
from tests.fakes.judge import ACME, ROOT, WORLD, release, trust

AHEAD = timedelta(days=30)
FRESH = RootOrigin(
    source=RootSource.TUF, place="https://tuf.test", fetched_at=NOW - SECOND, trusted_until=NOW + timedelta(days=14)
)
KEYED = release(WORLD)


def look(
    *authorities: Authority, root: TrustRoot | None = None, origin: RootOrigin = FRESH, now: datetime = NOW
) -> Sequence[str]:
    snapshot = TrustSnapshot.of(authorities, {ROOT: root or trust()}, origins={ROOT: origin})
    return [f"{item.place}: {item.text}" for item in inspect_trust(snapshot, now, AHEAD)]


def key(authority: Authority, end: datetime) -> Authority:
    return replace(authority, keys=(replace(authority.keys[0], valid_until=end),))


def test_what_holds_needs_nobody() -> None:
    assert look(ACME, KEYED, release(WORLD, root="")) == []
    assert look(ACME, origin=RootOrigin(source=RootSource.FILE, place="root.json")) == []


def test_a_window_that_closes_soon_is_told_and_one_that_has_closed_is_not() -> None:
    for party, word in (("authority", "certificate authority"), ("log", "log"), ("ct_log", "certificate log")):
        closing = look(root=trust(windows={party: (NOW - YEAR, NOW + AHEAD)}))
        assert len(closing) == 1
        assert f"the window of the {word} " in closing[0]
        assert look(root=trust(windows={party: (NOW - YEAR, NOW + AHEAD + SECOND)})) == []
        assert look(root=trust(windows={party: (NOW - YEAR, NOW - SECOND)})) == []


def test_a_root_past_half_of_its_maximum_age_is_told() -> None:
    half = replace(FRESH, fetched_at=NOW - timedelta(days=7), trusted_until=NOW + timedelta(days=7))
    assert look(origin=half) == []
    (text,) = look(origin=half, now=NOW + SECOND)
    assert "last confirmed at" in text


def test_a_key_whose_window_closes_is_told_and_one_whose_window_has_closed_meets_nothing() -> None:
    (closing,) = look(key(KEYED, NOW + AHEAD))
    assert closing.startswith("authorities.release: the window of the key ")
    assert look(key(KEYED, NOW + AHEAD + SECOND)) == []
    (closed,) = look(key(KEYED, NOW - SECOND))
    assert "can sign any more" in closed


def test_an_authority_of_certificates_needs_an_issuer_that_is_open() -> None:
    closed = trust(windows={"authority": (NOW - YEAR, NOW - SECOND)})
    (text,) = look(ACME, root=closed)
    assert text == "authorities.acme: none of its keys and certificate authorities can sign any more"
    assert look(KEYED, root=closed) == []


def test_what_a_profile_demands_must_still_be_made_by_somebody() -> None:
    closed = (NOW - YEAR, NOW - SECOND)
    (logs,) = look(KEYED, root=trust(windows={"log": closed, "tiles": closed}))
    (scts,) = look(KEYED, root=trust(windows={"ct_log": closed}))
    stamped = TrustProfile(log_entries=0, scts=0, timestamps=1)
    (stamps,) = look(KEYED, root=trust(profile=stamped, windows={"tsa": closed}))
    assert "1 log entries are demanded, and 0 logs" in logs
    assert "1 SCTs are demanded, and 0 certificate logs" in scts
    assert "timestamps are demanded" in stamps
    assert look(KEYED, root=trust(profile=stamped)) == []


def test_a_timestamp_authority_that_may_not_stamp_is_told_and_stamps_nothing() -> None:
    root = trust(profile=TrustProfile(log_entries=0, scts=0, timestamps=1))
    (stamper,) = root.timestamp_authorities
    spoilt = replace(root, timestamp_authorities=(replace(stamper, unsuitable="no"),), warnings=("it may not stamp",))
    assert look(KEYED, root=spoilt) == [
        "authorities.release: timestamps are demanded, and no timestamp authority of the trust root may stamp",
        f"trust_roots.{ROOT}: it may not stamp",
    ]


def test_a_root_that_is_not_available_is_told_with_everybody_who_needs_it() -> None:
    snapshot = TrustSnapshot.of([KEYED], {}, unavailable={ROOT: "never fetched"}, origins={ROOT: FRESH})
    assert [item.place for item in inspect_trust(snapshot, NOW, AHEAD)] == [
        "authorities.release",
        f"trust_roots.{ROOT}",
    ]


def test_a_key_that_is_missing_is_told_once() -> None:
    kept = Authority(name="kept", missing_keys=(MissingKey(name="openbao://kept", why="silence"),))
    assert look(kept, KEYED) == ["authorities.kept: the key openbao://kept: silence"]
