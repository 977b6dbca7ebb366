"""Licence expressions: total, and monotone in what is offered."""

from hypothesis import given
from hypothesis import strategies as st

from assay.licences.expression import LicenceState, expand_denied, judge

WORDS = ["MIT", "ISC", "Zlib", "GPL-2.0-only", "GPL-3.0-or-later", "Apache-2.0", "LicenseRef-x"]


def combined(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(children, st.sampled_from([" AND ", " OR "]), children).map(lambda parts: f"({''.join(parts)})")


EXPRESSIONS = st.recursive(st.sampled_from(WORDS), combined, max_leaves=8)


@given(st.text() | st.text(alphabet="()+ANDORWITHMIT-.: ", max_size=40))
def test_every_text_has_facts(text: str) -> None:
    facts = judge(text)
    assert facts.expression == text
    assert facts.choices
    assert facts.state is LicenceState.VALID or facts.choices == (facts.required,)


@given(EXPRESSIONS)
def test_required_is_the_intersection_of_the_choices(expression: str) -> None:
    facts = judge(expression)
    assert set(facts.required) == set.intersection(*map(set, facts.choices))


@given(EXPRESSIONS)
def test_choices_say_the_same_as_the_expression(expression: str) -> None:
    rendered = " OR ".join(f"({' AND '.join(choice)})" for choice in judge(expression).choices)
    assert judge(rendered).choices == judge(expression).choices


@given(EXPRESSIONS, EXPRESSIONS, st.sets(st.sampled_from(WORDS), min_size=1))
def test_a_conjunction_is_acceptable_only_where_both_sides_are(left: str, right: str, denied: set[str]) -> None:
    hit = set(expand_denied(denied))

    def acceptable(expression: str) -> bool:
        return any(hit.isdisjoint(choice) for choice in judge(expression).choices)

    assert acceptable(f"({left}) AND ({right})") == (acceptable(left) and acceptable(right))
    assert acceptable(f"({left}) OR ({right})") == (acceptable(left) or acceptable(right))
