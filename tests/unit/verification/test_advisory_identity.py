"""Attacks on identity patterns: open at one end, silently empty, met in parts, made to take for ever."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509

from assay.domain.errors import ConfigError
from assay.domain.identity import Authority
from assay.verification.identity import GithubWorkflow, IdentityPattern, SanType
from assay.verification.text_pattern import TextPattern
from tests.fakes.certificate import FULCIO, ISSUER, WORKFLOW
from tests.fakes.der import utf8_string
from tests.fakes.judge import ROOT, WORLD, judge
from tests.fakes.sigstore import Recipe

ORGANISATION = "https://github.test/acme"


def authority(*patterns: IdentityPattern) -> Authority:
    return Authority(name="acme", identities=patterns, root=ROOT)


def verdict(pattern: IdentityPattern, *, san: str = WORKFLOW, issuer: str = ISSUER, **leaf: Any) -> str:
    """The verdict on a certificate for `san` and `issuer`, under this pattern alone."""
    claims = leaf.pop("claims", {}) | {8: issuer}
    name = x509.RFC822Name(san) if "://" not in san else x509.UniformResourceIdentifier(san)
    world = replace(WORLD, leaf=replace(WORLD.leaf, san=(leaf.pop("name", name),), claims=claims, **leaf))
    return judge(authorities=[authority(pattern)]).verdict(world.mint(Recipe()))


def pattern(san: TextPattern, **parts: Any) -> IdentityPattern:
    return IdentityPattern(**{"issuer": TextPattern(exact=ISSUER), "san": san, **parts})


@pytest.mark.parametrize(
    "san",
    [
        TextPattern(exact=ORGANISATION),
        TextPattern(regex="https://github\\.test/acme"),
        TextPattern(glob="https://github.test/acme"),
        TextPattern(regex="^https://github\\.test/acme"),
        TextPattern(regex="https://github\\.test/acme$|x://"),
    ],
)
@pytest.mark.parametrize("evil", [ORGANISATION + "-evil/app", ORGANISATION + "\n", "https://evil.test/" + ORGANISATION])
def test_cve_2026_22772_a_pattern_is_not_open_at_either_end(san: TextPattern, evil: str) -> None:
    assert verdict(pattern(san), san=evil) == "identity_mismatch"
    assert verdict(pattern(san), san=ORGANISATION) == "signature"


@pytest.mark.parametrize("issuer", [ISSUER + ".evil.test", "https://evil.test/" + ISSUER, ISSUER + "/", ISSUER[:-1]])
def test_cve_2026_22772_an_issuer_is_not_open_at_either_end(issuer: str) -> None:
    for text in (
        TextPattern(exact=ISSUER),
        TextPattern(regex="https://token\\.actions\\.test"),
        TextPattern(glob=ISSUER),
    ):
        rule = pattern(TextPattern(exact=WORKFLOW), issuer=text)
        assert verdict(rule, issuer=issuer) == "identity_mismatch"
        assert verdict(rule) == "signature"


def test_a_star_does_not_cross_a_slash_and_two_stars_do() -> None:
    one, two = TextPattern(glob=f"{ORGANISATION}/*"), TextPattern(glob=f"{ORGANISATION}/**")
    assert verdict(pattern(one), san=f"{ORGANISATION}/app") == "signature"
    assert verdict(pattern(one), san=f"{ORGANISATION}/app/x") == "identity_mismatch"
    assert verdict(pattern(two), san=f"{ORGANISATION}/app/x") == "signature"
    assert verdict(pattern(two), san=f"{ORGANISATION}-evil/app") == "identity_mismatch"


def test_exact_and_regex_given_together_must_both_hold() -> None:
    rule = TextPattern(exact=WORKFLOW, regex="https://github\\.test/.*")
    assert verdict(pattern(rule)) == "signature"
    assert verdict(pattern(TextPattern(exact=WORKFLOW, regex="https://gitlab\\.test/.*"))) == "identity_mismatch"
    assert verdict(pattern(rule), san=ORGANISATION) == "identity_mismatch"


def test_cve_2025_29778_what_asks_for_nothing_is_a_mistake_of_the_configuration() -> None:
    for empty in ({}, {"exact": ""}, {"regex": ""}, {"glob": "", "exact": ""}):
        with pytest.raises(ConfigError) as caught:
            TextPattern(**empty)
        assert caught.value.code == "pattern_invalid"
    with pytest.raises(ConfigError) as caught:
        pattern(TextPattern(exact=WORKFLOW), extensions=(("github_workflow", TextPattern(exact="x")),))
    assert caught.value.code == "pattern_invalid"
    with pytest.raises(ValueError, match="at least one"):
        Authority(name="acme", root=ROOT)
    with pytest.raises(ValueError, match="root"):
        Authority(name="acme", identities=(pattern(TextPattern(exact=WORKFLOW)),))


def test_cve_2026_22772_a_pattern_that_takes_for_ever_elsewhere_takes_no_time() -> None:
    rule = TextPattern(regex="(a+)+$")
    # An engine that backtracks needs 2**4000 steps here: it would not end at all.
    assert not rule.matches("a" * 4_000 + "!")
    assert rule.matches("aaa")
    for invalid in ("(a", "(?=x)", "a" * 2_000):
        with pytest.raises(ConfigError) as caught:
            TextPattern(regex=invalid)
        assert caught.value.code == "pattern_invalid"


@pytest.mark.parametrize(
    ("san_type", "name", "expected"),
    [
        (None, x509.UniformResourceIdentifier("ci@acme.test"), "identity_mismatch"),
        (None, x509.RFC822Name("ci@acme.test"), "signature"),
        (SanType.URI, x509.RFC822Name("ci@acme.test"), "identity_mismatch"),
        (SanType.OTHER_NAME, x509.RFC822Name("ci@acme.test"), "identity_mismatch"),
        (
            SanType.OTHER_NAME,
            x509.OtherName(x509.ObjectIdentifier(f"{FULCIO}.7"), utf8_string("ci@acme.test")),
            "signature",
        ),
        (None, x509.OtherName(x509.ObjectIdentifier(f"{FULCIO}.7"), utf8_string("ci@acme.test")), "identity_mismatch"),
        (
            SanType.OTHER_NAME,
            x509.OtherName(x509.ObjectIdentifier(f"{FULCIO}.6"), utf8_string("ci@acme.test")),
            "identity_mismatch",
        ),
    ],
)
def test_the_type_of_the_subject_is_part_of_the_match(
    san_type: SanType | None, name: x509.GeneralName, expected: str
) -> None:
    assert verdict(pattern(TextPattern(exact="ci@acme.test"), san_type=san_type), name=name) == expected


def test_a_pattern_whose_type_cannot_be_told_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError) as caught:
        pattern(TextPattern(exact="acme"))
    assert caught.value.code == "pattern_invalid"
    assert pattern(TextPattern(exact="acme"), san_type=SanType.OTHER_NAME)


def test_a_claim_that_is_asked_for_must_be_there_and_match() -> None:
    rule = pattern(
        TextPattern(exact=WORKFLOW), extensions=(("source_repository_uri", TextPattern(exact=ORGANISATION)),)
    )
    assert verdict(rule, claims={12: ORGANISATION}) == "signature"
    assert verdict(rule, claims={12: ORGANISATION + "0"}) == "identity_mismatch"
    assert verdict(rule, claims={13: ORGANISATION}) == "identity_mismatch"
    assert verdict(rule) == "identity_mismatch"


def test_two_patterns_are_not_met_in_parts() -> None:
    first = pattern(TextPattern(exact=WORKFLOW), issuer=TextPattern(exact="https://other.test"))
    second = pattern(TextPattern(exact=ORGANISATION))
    mixed = judge(authorities=[authority(first, second)])
    assert mixed.verdict(WORLD.mint(Recipe())) == "identity_mismatch"
    assert judge(authorities=[authority(first, second, pattern(TextPattern(exact=WORKFLOW)))]).verdict(
        WORLD.mint(Recipe())
    ) == ("signature")


def test_a_workflow_is_recognised_by_its_build_config_at_the_certificates_own_version() -> None:
    rule = pattern(
        TextPattern(glob="https://github.test/**"),
        github=GithubWorkflow(repository="acme/app", workflow="release.yml"),
    )
    file = "https://github.com/acme/app/.github/workflows/release.yml"
    commit, ref = "0" * 40, "refs/tags/v1"
    assert verdict(rule, claims={14: ref, 18: f"{file}@{ref}"}) == "signature"
    assert verdict(rule, claims={13: commit, 14: ref, 18: f"{file}@{commit}"}) == "signature"
    for config in (
        f"{file}@refs/heads/evil",
        file,
        f"{file}@",
        f"{file}@{ref}/x",
        f"{file.replace('app', 'app2')}@{ref}",
    ):
        assert verdict(rule, claims={14: ref, 18: config}) == "identity_mismatch"
    assert verdict(rule, claims={18: f"{file}@"}) == "identity_mismatch"


@pytest.mark.parametrize("length", [4_000, 60_000])
def test_an_endless_subject_matches_nothing(length: int) -> None:
    expected = "signature" if length <= 4_000 else "identity_mismatch"
    rule = pattern(TextPattern(glob="https://github.test/**"))
    outcome = verdict(rule, san="https://github.test/" + "a" * length)
    assert outcome in {expected, "evidence_limit" if length > 4_000 else expected}
