import hashlib
import sys
from dataclasses import replace

import pytest

from assay.adapters.log.rendering import Rendered, Renderer
from assay.domain.compressed import Compressed
from assay.domain.decision import Decision, Verdict
from assay.domain.errors import InvalidInput
from assay.tlog.report import render_report
from tests.fakes.decision import allowed, denied, finding, identifier
from tests.fakes.leaf import SALT, leaf_for


def is_of(rendered: Rendered, decision: Decision) -> bool:
    return (rendered.leaf, rendered.document.content(), rendered.report.content()) == (
        leaf_for(decision, version="1"),
        decision.document.content(),
        render_report(decision),
    )


def test_what_decisions_of_one_outcome_share_is_rendered_once() -> None:
    renderer, first = Renderer(service_version="1"), allowed()
    again = replace(first, id=identifier(9), dry_run=True, preimage=b'{"caller":"other"}')
    before, after = renderer.render(first, SALT), renderer.render(again, SALT)
    assert is_of(before, first)
    assert is_of(after, again)
    assert after.document is before.document
    assert after.report is before.report


@pytest.mark.parametrize(
    "change", [{"findings": (finding(),), "verdict": Verdict.DENY}, {"tenant": "team-b"}, {"evidence": ()}]
)
def test_a_decision_about_the_same_document_that_says_something_else_is_recorded_as_what_it_says(
    change: dict[str, object],
) -> None:
    renderer, first = Renderer(service_version="1"), allowed()
    other = replace(first, id=identifier(9), **change)  # type: ignore[arg-type]  # of several types
    for decision in (first, other, first):
        assert is_of(renderer.render(decision, SALT), decision)


def test_more_outcomes_than_are_remembered_are_rendered_all_the_same() -> None:
    renderer = Renderer(service_version="1", octets=16 * 1024)
    decisions = [denied(number) for number in range(9)]
    last = decisions[-1]
    before = sys.getrefcount(last)
    for decision in (*decisions, *decisions[:-1]):
        assert is_of(renderer.render(decision, SALT), decision)
    assert sys.getrefcount(last) == before


def test_an_outcome_that_follows_again_takes_the_place_of_the_one_before() -> None:
    renderer, first, again = Renderer(service_version="1"), denied(), denied()
    before = sys.getrefcount(first)
    for decision in (first, again):
        assert is_of(renderer.render(decision, SALT), decision)
    del decision
    assert sys.getrefcount(first) == before


@pytest.mark.parametrize(("size", "kept"), [(200, True), (200_000, True), (2_000_000, False)])
def test_an_outcome_is_kept_unless_its_document_is_large(size: int, *, kept: bool) -> None:
    document = Compressed.of(hashlib.shake_256(b"").hexdigest(size).encode())
    renderer, decision = Renderer(service_version="1"), replace(denied(), document=document)
    before = sys.getrefcount(decision)
    assert is_of(renderer.render(decision, SALT), decision)
    assert (sys.getrefcount(decision) > before) is kept


def test_a_leaf_that_is_too_large_is_refused_whether_it_was_rendered_before_or_not() -> None:
    renderer = Renderer(service_version="1")
    large = replace(allowed(), source_commit="x" * 65_500)
    for _ in range(2):
        with pytest.raises(InvalidInput) as caught:
            renderer.render(large, SALT)
        assert caught.value.code == "leaf_too_large"
    small = replace(large, source_commit="x")
    assert is_of(renderer.render(small, SALT), small)
