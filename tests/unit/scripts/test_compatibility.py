"""The document about compatibility says what was found, and quotes a refusal."""

from scripts.compatibility import list_cases, render_document

CASES = [case.name for case in list_cases()]


def test_every_combination_is_one_case() -> None:
    assert len(CASES) == len(set(CASES)) == 252


def test_the_document_counts_what_passes() -> None:
    document = render_document(dict.fromkeys(CASES, "pass"))
    assert "252 of 252 combinations pass." in document
    assert document.count("| signature | pass |") == 4
    assert document.endswith("pass |\n")


def test_a_failure_and_a_refusal_are_told_apart() -> None:
    results = dict.fromkeys(CASES, "pass") | {CASES[0]: "fail", CASES[1]: "no such form"}
    document = render_document(results)
    assert "250 of 252 combinations pass." in document
    assert "| signature | fail |" in document
    assert "| slsaprovenance1 | [1] |" in document
    assert document.endswith("[1] cosign: no such form\n")
