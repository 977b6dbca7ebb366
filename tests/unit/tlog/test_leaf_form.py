from dataclasses import replace

import pytest

from assay.domain.decision import Decision
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.tlog.leaf import mark_caller, summarise
from assay.tlog.leaf_form import LeafForm
from assay.tlog.report import render_report
from tests.fakes.decision import allowed, denied
from tests.fakes.leaf import SALT, leaf_for


def form_of(decision: Decision) -> LeafForm:
    document, report = decision.document.digest, Digest.of(render_report(decision))
    return LeafForm(summarise(decision, document=document, report=report, salt=SALT, service_version="1.4.0"))


def fill(form: LeafForm, decision: Decision) -> bytes:
    caller = mark_caller(decision.preimage, SALT)
    return form.fill(decision_id=decision.id, time=decision.time, caller=caller, dry_run=decision.dry_run)


@pytest.mark.parametrize("first", [denied(), allowed()])
def test_a_form_gives_the_bytes_that_the_whole_leaf_has(first: Decision) -> None:
    other = denied(7)
    again = replace(first, id=other.id, time=other.time, dry_run=True, preimage=other.preimage)
    for decision in (first, again):
        assert fill(form_of(first), decision) == leaf_for(decision, version="1.4.0")


@pytest.mark.parametrize("name", ['a"b', "", "ü", "a b"])
def test_an_id_that_is_no_plain_word_has_no_leaf(name: str) -> None:
    decision = denied()
    with pytest.raises(InvalidInput) as caught:
        form_of(decision).fill(
            decision_id=name, time=decision.time, caller=mark_caller(decision.preimage, SALT), dry_run=False
        )
    assert caught.value.code == "leaf_malformed"
    assert fill(form_of(decision), decision)


def test_text_that_json_cannot_carry_has_no_form() -> None:
    with pytest.raises(InvalidInput) as caught:
        form_of(replace(denied(), tenant="\ud800"))
    assert caught.value.code == "leaf_malformed"
    assert form_of(replace(denied(), tenant="ü"))
