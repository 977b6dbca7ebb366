"""Patterns match the whole text or nothing."""

import pytest

from assay.domain.errors import ConfigError
from assay.verification.text_pattern import TextPattern, find_pattern_warnings

WORKFLOW = "https://github.com/org/app/.github/workflows/release.yml@refs/heads/main"


def test_an_exact_pattern_matches_only_this_text() -> None:
    pattern = TextPattern(exact="https://github.com/org")
    assert pattern.matches("https://github.com/org")
    assert not pattern.matches("https://github.com/org-evil")
    assert not pattern.matches("HTTPS://github.com/org")


@pytest.mark.parametrize(
    ("glob", "text", "expected"),
    [
        ("https://github.com/org/*", "https://github.com/org/app", True),
        ("https://github.com/org/*", "https://github.com/org/app/more", False),
        ("https://github.com/org/**", "https://github.com/org/app/more", True),
        ("https://github.com/org/**", "https://github.com/org-evil/app", False),
        ("https://github.com/org/**", "https://github.com/org/app\nmore", True),
        ("https://github.com/*", "https://githubxcom/app", False),
        ("https://*.example/app", "https://ci.example/app", True),
        ("https://*.example/app", "https://evil.test/.example/app", False),
        ("[a]?+(b)*", "[a]?+(b)c", True),
        ("[a]?+(b)*", "a+bc", False),
    ],
)
def test_a_star_does_not_cross_a_slash_and_two_do(glob: str, text: str, *, expected: bool) -> None:
    assert TextPattern(glob=glob).matches(text) is expected


@pytest.mark.parametrize(
    ("regex", "text", "expected"),
    [
        (r"https://github\.com/org/.*", WORKFLOW, True),
        (r"https://github\.com/org", "https://github.com/org-evil", False),
        (r"github\.com/org/.*", WORKFLOW, False),
        (r"a|ab", "ab", True),
        (r"a|b", "ac", False),
        (r"(?m)^a$", "a\nb", False),
    ],
)
def test_cve_2026_22772_a_regex_is_never_searched_inside_of_a_text(regex: str, text: str, *, expected: bool) -> None:
    assert TextPattern(regex=regex).matches(text) is expected


def test_forms_given_together_must_all_hold() -> None:
    both = TextPattern(exact="abc", regex="a.c")
    assert both.matches("abc")
    assert not both.matches("axc")
    assert not TextPattern(glob="a*", regex=".*z").matches("abc")
    assert TextPattern(glob="a*", regex=".*z").matches("abz")


def test_a_regex_that_costs_a_backtracking_engine_seconds_costs_nothing() -> None:
    pattern = TextPattern(regex="(a+)+")
    # An engine that backtracks needs 2**4095 steps here: it would not end at all.
    assert not pattern.matches("a" * 4095 + "!")
    assert pattern.matches("a" * 4096)
    assert not pattern.matches("a" * 4097)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"exact": ""},
        {"regex": "("},
        {"regex": r"(a)\1"},
        {"glob": "a" * 1025},
        {"exact": "a", "regex": "a" * 1025},
    ],
)
def test_a_pattern_that_asks_for_nothing_or_cannot_be_used_is_a_mistake(parts: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        TextPattern(**parts)
    assert caught.value.code == "pattern_invalid"
    assert TextPattern(glob="a" * 1024)


def test_a_pattern_is_described_by_what_is_given() -> None:
    assert TextPattern(exact="a", regex="b").document() == {"exact": "a", "regex": "b"}
    assert TextPattern(glob="a").document() == {"glob": "a"}
    assert TextPattern(glob="a") == TextPattern(glob="a")
    assert TextPattern(exact="a", regex="b").hint == "a"
    assert TextPattern(glob="a", regex="b").hint == "a"
    assert TextPattern(regex="b").hint == "b"


@pytest.mark.parametrize(
    ("regex", "warnings"),
    [
        (".*@example\\.com", 1),
        ("https://github\\.com/org/.*", 1),
        ("^https://github.com/org/app$", 1),
        ("https:\\/\\/github.com\\/org", 1),
        (".*https://github.com/.*", 3),
        ("https://github\\.com/org/[a-z]+", 0),
        ("https://github\\.com/org/v1.0", 0),
        ("a\\.*", 0),
        ("^.*@example\\.com", 1),
        ("https://github\\.com/org/.*$", 1),
        ("a\\.*$", 0),
    ],
)
def test_open_ends_and_unescaped_dots_of_a_host_deserve_a_warning(regex: str, warnings: int) -> None:
    assert len(find_pattern_warnings(TextPattern(regex=regex))) == warnings
    assert find_pattern_warnings(TextPattern(exact="https://github.com/.*")) == ()
