"""Which tags are declared immutable."""

import pytest

from assay.domain.reference import Repository
from assay.verification.tag_rule import TagRule, find_rule
from assay.verification.text_pattern import TextPattern


def rule(repository: str, *tags: str, owner: str = "") -> TagRule:
    return TagRule(
        repository=TextPattern(glob=repository), tags=tuple(TextPattern(glob=tag) for tag in tags), owner=owner
    )


@pytest.mark.parametrize(
    ("repository", "tag", "covered"),
    [
        ("registry.example/app/web", "v1", True),
        ("registry.example/app/web", "v1.2.3", True),
        ("registry.example/app/web", "1", True),
        ("registry.example/app/web", "latest", False),
        ("registry.example/app/web", "rev1", False),
        ("registry.example/app/web/deep", "v1", False),
        ("registry.example/apps/web", "v1", False),
        ("registry.example.evil/app/web", "v1", False),
        ("other.example/app/web", "v1", False),
        ("registry.example/app/web", "", False),
    ],
)
def test_both_patterns_match_the_whole_name(repository: str, tag: str, *, covered: bool) -> None:
    rules = (rule("registry.example/app/*", "v*", "1"),)
    assert (find_rule(rules, Repository.parse(repository), tag) is not None) is covered


def test_the_first_rule_counts() -> None:
    rules = (rule("registry.example/**", "v1", owner="one"), rule("registry.example/app", "*", owner="two"))
    app = Repository.parse("registry.example/app")
    owners = [found.owner for tag in ("v1", "v2") if (found := find_rule(rules, app, tag)) is not None]
    assert owners == ["one", "two"]


def test_a_rule_is_about_something() -> None:
    with pytest.raises(ValueError, match="at least one tag"):
        rule("registry.example/app")
