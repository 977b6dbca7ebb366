"""The document about the misuse cases names each of them and tells parts apart."""

from assay_misuse.cases import CASES
from scripts.misuse_table import part_name, render_document

PARTS = [part_name(case, number) for case in CASES for number in range(len(case.parts))]


def test_every_part_has_a_name_of_its_own() -> None:
    assert len(PARTS) == len(set(PARTS)) == 60


def test_every_case_is_one_row() -> None:
    document = render_document(dict.fromkeys(PARTS, "pass"))
    assert document.count("| pass |\n") == 30
    assert document.startswith("# Misuse cases\n")


def test_parts_with_different_outcomes_are_told_apart() -> None:
    document = render_document(dict.fromkeys(PARTS, "pass") | {PARTS[0]: "bypassed"})
    assert document.count("| bypassed, pass |\n") == 1
