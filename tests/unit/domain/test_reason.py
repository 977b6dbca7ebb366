import re

import pytest

from assay.domain.reason import GAP_CODES, REJECTION_CODES, REMEDIES, RETRYABLE_CODES, is_retryable


@pytest.mark.parametrize("code", [*GAP_CODES, *REJECTION_CODES, *RETRYABLE_CODES])
def test_a_code_is_one_word_in_lower_snake_case(code: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)


@pytest.mark.parametrize("code", ["registry_unavailable", "deadline_exceeded", "policy_engine_unavailable"])
def test_an_outage_may_pass(code: str) -> None:
    assert is_retryable(code)


@pytest.mark.parametrize("code", ["signature_invalid", "absent", "digest_mismatch", "unheard_of", ""])
def test_what_somebody_must_change_is_final_and_so_is_the_unknown(code: str) -> None:
    assert not is_retryable(code)


def test_every_gap_and_rejection_has_a_remedy_and_nothing_else_has() -> None:
    assert REMEDIES.keys() == GAP_CODES.keys() | REJECTION_CODES.keys()
    assert list(REMEDIES) == sorted(REMEDIES)


def test_no_rejection_passes_by_repeating_but_for_what_nobody_could_judge() -> None:
    assert RETRYABLE_CODES & REJECTION_CODES.keys() == {"trust_root_unavailable", "key_unavailable"}
