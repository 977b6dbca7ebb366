"""What Assay signs, real cosign verifies, and the other way round; the document says nothing else."""

import json
import os
from pathlib import Path

import pytest

from scripts.compatibility import (
    DOCUMENT,
    RESULTS,
    SIGNATURE,
    STATEMENTS,
    STORAGES,
    WRITERS,
    Case,
    list_cases,
    render_document,
)
from tests.fixtures.compatibility import (
    Laboratory,
    judge_assay,
    judge_cosign,
    laboratory,
    verify_with_assay,
    verify_with_cosign,
)

__all__ = ["laboratory"]

pytestmark = [pytest.mark.tools, pytest.mark.timeout(900)]

COMBINATIONS = 252
PASSING = 252


@pytest.fixture(scope="module")
def results(laboratory: Laboratory) -> dict[str, str]:
    """The result of every combination, by its name."""
    cases = list(list_cases())
    found = judge_assay(laboratory, [case for case in cases if case.writer == "Assay"])
    found |= judge_cosign(laboratory, [case for case in cases if case.writer == "cosign"])
    if RESULTS in os.environ:
        Path(os.environ[RESULTS]).write_text(json.dumps(found))
    return found


def test_no_combination_fails(results: dict[str, str]) -> None:
    assert [name for name, result in results.items() if result == "fail"] == []


def test_as_many_combinations_pass_as_are_promised(results: dict[str, str]) -> None:
    assert (len(results), sum(result == "pass" for result in results.values())) == (COMBINATIONS, PASSING)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("writer", WRITERS)
def test_under_another_key_nothing_passes(
    results: dict[str, str], laboratory: Laboratory, writer: str, storage: str
) -> None:
    case = Case(writer=writer, signer="key", storage=storage, shape="image", statement=SIGNATURE)
    assert results[case.name] == "pass"
    assert verify_with_cosign(laboratory, case, key_of="encrypted key")
    assert verify_with_assay(laboratory, [case], key_of="encrypted key") == set()
    assert verify_with_assay(laboratory, [case]) == set(STATEMENTS)


def test_the_document_says_what_was_found(results: dict[str, str]) -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render_document(results), "python -m scripts.compatibility"
