import base64
import json
from pathlib import Path
from typing import Any

import pytest

from assay.domain.errors import EvidenceRejected
from assay.tlog.merkle import EMPTY_ROOT, leaf_hash
from assay.tlog.path import verify_consistency, verify_inclusion

MERKLE = Path("tests/assets/tlog/merkle")
INCLUSION = json.loads((MERKLE / "inclusion.json").read_text("utf-8"))
CONSISTENCY = json.loads((MERKLE / "consistency.json").read_text("utf-8"))


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _inclusion(case: dict[str, Any]) -> None:
    verify_inclusion(
        leaf=_bytes(case["leafHash"]),
        index=case["leafIdx"],
        size=case["treeSize"],
        proof=[_bytes(item) for item in case["proof"] or ()],
        root=_bytes(case["root"]),
    )


def _consistency(case: dict[str, Any]) -> None:
    verify_consistency(
        old=case["size1"],
        new=case["size2"],
        proof=[_bytes(item) for item in case["proof"] or ()],
        old_root=_bytes(case["root1"]),
        new_root=_bytes(case["root2"]),
    )


@pytest.mark.parametrize("case", [case for case in INCLUSION if not case["wantErr"]], ids=lambda case: case["file"])
def test_a_published_inclusion_proof_is_accepted(case: dict[str, Any]) -> None:
    _inclusion(case)


@pytest.mark.parametrize("case", [case for case in INCLUSION if case["wantErr"]], ids=lambda case: case["file"])
def test_a_broken_inclusion_proof_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(EvidenceRejected) as caught:
        _inclusion(case)
    assert caught.value.code == "proof_invalid"


@pytest.mark.parametrize("case", [case for case in CONSISTENCY if not case["wantErr"]], ids=lambda case: case["file"])
def test_a_published_consistency_proof_is_accepted(case: dict[str, Any]) -> None:
    _consistency(case)


@pytest.mark.parametrize("case", [case for case in CONSISTENCY if case["wantErr"]], ids=lambda case: case["file"])
def test_a_broken_consistency_proof_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(EvidenceRejected) as caught:
        _consistency(case)
    assert caught.value.code == "proof_invalid"


def test_the_vectors_are_all_there() -> None:
    assert [len(INCLUSION), sum(not case["wantErr"] for case in INCLUSION)] == [98, 6]
    assert [len(CONSISTENCY), sum(not case["wantErr"] for case in CONSISTENCY)] == [98, 6]


def test_two_empty_trees_prove_nothing() -> None:
    with pytest.raises(EvidenceRejected) as caught:
        verify_consistency(old=0, new=0, proof=[], old_root=EMPTY_ROOT, new_root=EMPTY_ROOT)
    assert caught.value.code == "proof_invalid"


def test_a_tree_is_the_beginning_of_itself_only_with_the_same_root() -> None:
    one, other = leaf_hash(b"one"), leaf_hash(b"other")
    verify_consistency(old=1, new=1, proof=[], old_root=one, new_root=one)
    with pytest.raises(EvidenceRejected) as caught:
        verify_consistency(old=1, new=1, proof=[], old_root=one, new_root=other)
    assert caught.value.code == "proof_invalid"
