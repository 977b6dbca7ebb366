"""Every window is a closed interval: its ends pass, a second beyond them denies (CVE-2026-54787 and its kin)."""

from dataclasses import replace

import pytest

from assay.domain.errors import ConfigError
from assay.domain.evidence import Rejection
from assay.domain.identity import Authority
from tests.fakes.certificate import NOW, SECOND, YEAR, FakeCertificateAuthority
from tests.fakes.judge import ROOT, WORLD, judge, trust, verdict
from tests.fakes.sigstore import FakeSigstore, Recipe
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.trusted_root import Span

HOLDS: dict[str, Span] = {
    "at its start": (NOW, NOW + YEAR),
    "at its end": (NOW - YEAR, NOW),
    "at both": (NOW, NOW),
    "no end": (NOW - YEAR, None),
    "no end, at its start": (NOW, None),
}
FAILS: dict[str, Span] = {
    "one second before its start": (NOW + SECOND, NOW + YEAR),
    "one second after its end": (NOW - YEAR, NOW - SECOND),
    "ended years before": (NOW - 4 * YEAR, NOW - 3 * YEAR),
    "begins years later": (NOW + 3 * YEAR, NOW + 4 * YEAR),
    "begins years later, no end": (NOW + 3 * YEAR, None),
}
TILED = Recipe(body="hashedrekord 0.0.2", stamped=True)
PARTIES: dict[str, tuple[Recipe, str]] = {
    "log": (Recipe(), "log_proof_invalid"),
    "tiles": (TILED, "log_proof_invalid"),
    "ct_log": (Recipe(), "sct_invalid"),
    "authority": (Recipe(), "certificate_expired"),
    "tsa": (TILED, "timestamp_invalid"),
}


@pytest.mark.parametrize("window", HOLDS)
@pytest.mark.parametrize("party", PARTIES)
def test_cve_2026_54787_a_party_is_trusted_within_its_window(party: str, window: str) -> None:
    recipe, _ = PARTIES[party]
    assert judge(root=trust(windows={party: HOLDS[window]})).verdict(WORLD.mint(recipe)) == "signature"


@pytest.mark.parametrize("window", FAILS)
@pytest.mark.parametrize("party", PARTIES)
def test_cve_2026_54787_a_party_is_not_trusted_outside_of_its_window(party: str, window: str) -> None:
    recipe, code = PARTIES[party]
    assert judge(root=trust(windows={party: FAILS[window]})).verdict(WORLD.mint(recipe)) == code


@pytest.mark.parametrize("party", ["log", "tiles"])
def test_the_window_of_a_log_holds_for_keys_too(party: str) -> None:
    recipe = replace(PARTIES[party][0], keyless=False)
    assert judge(root=trust(windows={party: HOLDS["at both"]})).verdict(WORLD.mint(recipe)) == "signature"
    closed = judge(root=trust(windows={party: FAILS["one second after its end"]}))
    assert closed.verdict(WORLD.mint(recipe)) == "log_proof_invalid"
    bare = WORLD.mint(replace(recipe, stamped=False, promise=False))
    assert closed.verdict(bare) == "no_verified_time"


def test_every_timestamp_lies_in_the_window_of_a_log_that_promises_nothing() -> None:
    ended = judge(root=trust(windows={"tiles": (NOW - YEAR, NOW)}))
    own = WORLD.sign(TILED)
    entry = own.enter(WORLD.tiles, TILED.body)
    for second, expected in ((NOW - SECOND, "signature"), (NOW + SECOND, "log_proof_invalid")):
        tokens = [WORLD.tsa.stamp(own.stamped_octets("0.3"), at=moment) for moment in (NOW, second)]
        assert ended.verdict(own.item("0.3", entries=[entry], tokens=tokens)) == expected
        assert ended.verdict(own.item("0.3", entries=[entry], tokens=tokens[::-1])) == expected


@pytest.mark.parametrize("party", ["log", "tiles", "ct_log", "tsa"])
def test_a_key_without_a_start_is_a_mistake_of_the_configuration(party: str) -> None:
    with pytest.raises(ConfigError) as caught:
        trust(windows={party: (None, NOW)})
    assert caught.value.code == "trusted_root_invalid"
    assert trust(windows={party: (NOW, None)})


def test_an_authority_without_a_start_is_bound_by_its_certificates() -> None:
    party = "authority"
    recipe, code = PARTIES[party]
    assert judge(root=trust(windows={party: (None, NOW)})).verdict(WORLD.mint(recipe)) == "signature"
    closed = judge(root=trust(windows={party: (None, NOW - SECOND)}))
    assert closed.verdict(WORLD.mint(recipe)) == code


def certificates(part: str, window: Span) -> FakeSigstore:
    """The world with one certificate of this window."""
    start, end = window
    span = (start or NOW - YEAR, end or NOW + 4 * YEAR)
    match part:
        case "root":
            return replace(WORLD, authority=FakeCertificateAuthority(root_window=span))
        case "intermediate":
            return replace(WORLD, authority=FakeCertificateAuthority(intermediate_window=span))
        case "tsa root":
            return replace(WORLD, tsa=FakeTimestampAuthority(window=span))
        case _:
            return replace(WORLD, tsa=FakeTimestampAuthority(leaf_window=span))


CERTIFICATES = {
    "root": "certificate_expired",
    "intermediate": "certificate_expired",
    "tsa root": "timestamp_invalid",
    "tsa leaf": "timestamp_invalid",
}


@pytest.mark.parametrize("window", HOLDS)
@pytest.mark.parametrize("part", CERTIFICATES)
def test_a_certificate_of_an_authority_holds_from_its_first_to_its_last_second(part: str, window: str) -> None:
    world = certificates(part, HOLDS[window])
    assert judge(world).verdict(world.mint(TILED)) == "signature"


@pytest.mark.parametrize("window", FAILS)
@pytest.mark.parametrize("part", CERTIFICATES)
def test_a_certificate_of_an_authority_does_not_hold_outside_of_its_window(part: str, window: str) -> None:
    world = certificates(part, FAILS[window])
    assert judge(world).verdict(world.mint(TILED)) == CERTIFICATES[part]
    assert verdict(WORLD.mint(TILED)) == "signature"


NO_START: Span = (None, NOW)


def keyed(window: Span, recipe: Recipe, *, root: str = ROOT) -> str:
    """The verdict on a keyed bundle when the configured key has this window."""
    start, end = window
    key = replace(WORLD.public_key, valid_from=start, valid_until=end)
    return judge(authorities=[Authority(name="release", keys=(key,), root=root)]).verdict(WORLD.mint(recipe))


KEYED = [Recipe(keyless=False), Recipe(keyless=False, shape="sig", body="hashedrekord 0.0.1")]
KEYED_TILED = replace(TILED, keyless=False)


@pytest.mark.parametrize("window", [*HOLDS.values(), NO_START, (None, None)], ids=str)
@pytest.mark.parametrize("recipe", [*KEYED, KEYED_TILED], ids=str)
def test_cve_2026_54787_a_configured_key_counts_within_its_window(recipe: Recipe, window: Span) -> None:
    assert keyed(window, recipe) == "signature"


@pytest.mark.parametrize("window", [*FAILS.values(), (None, NOW - SECOND)], ids=str)
@pytest.mark.parametrize("recipe", [*KEYED, KEYED_TILED], ids=str)
def test_cve_2026_54787_a_configured_key_does_not_count_outside_of_its_window(recipe: Recipe, window: Span) -> None:
    assert keyed(window, recipe) == "identity_mismatch"


def test_cve_2026_54787_a_key_with_a_window_does_not_count_without_a_verified_time() -> None:
    for recipe in (Recipe(keyless=False), Recipe(keyless=False, body="")):
        assert keyed((NOW, NOW), recipe, root="") == "no_verified_time"
        assert keyed((None, None), recipe, root="") == "signature"


def test_cve_2026_54787_every_verified_time_has_to_be_in_the_window() -> None:
    late = WORLD.mint(Recipe(keyless=False, stamped=True), stamp={"at": NOW + YEAR})
    key = replace(WORLD.public_key, valid_from=NOW, valid_until=NOW + SECOND)
    narrow = judge(authorities=[Authority(name="release", keys=(key,), root=ROOT)])
    assert narrow.verdict(late) == "identity_mismatch"
    assert narrow.verdict(WORLD.mint(Recipe(keyless=False, stamped=True))) == "signature"


def test_a_closed_window_of_one_authority_does_not_close_the_key_of_another() -> None:
    closed = replace(WORLD.public_key, valid_until=NOW - SECOND)
    authorities = [
        Authority(name="old", keys=(closed,), root=ROOT),
        Authority(name="new", keys=(WORLD.public_key,), root=ROOT),
    ]
    for order in (authorities, authorities[::-1]):
        claim = judge(authorities=order).outcome(WORLD.mint(Recipe(keyless=False)))
        assert not isinstance(claim, Rejection), claim
        assert claim.authorities == ("new",)
