from pathlib import Path

import pytest

from assay.domain.decision import Verdict
from assay.domain.errors import EvidenceRejected
from assay.usecases.audit import verify_record
from tests.fakes.decision import denied
from tests.fakes.sequencer import running, soon


def test_a_saved_record_verifies_with_nothing_but_the_key(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        recorded = client.record(denied(), soon())
    key = (tmp_path / "state" / "checkpoint.pub").read_text("ascii")
    verified = verify_record(
        leaf=recorded.leaf, proof=recorded.proof, verifier_key=key, document=denied().document.content()
    )
    assert (verified.place.index, verified.leaf.verdict) == (0, Verdict.DENY)
    assert verify_record(leaf=recorded.leaf, proof=recorded.proof, verifier_key=key) == verified


def test_another_document_or_leaf_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        recorded = client.record(denied(), soon())
    key = (tmp_path / "state" / "checkpoint.pub").read_text("ascii")
    with pytest.raises(EvidenceRejected) as document:
        verify_record(leaf=recorded.leaf, proof=recorded.proof, verifier_key=key, document=b"{}")
    with pytest.raises(EvidenceRejected) as leaf:
        verify_record(leaf=recorded.leaf.replace(b"deny", b"warn"), proof=recorded.proof, verifier_key=key)
    assert (document.value.code, leaf.value.code) == ("input_mismatch", "proof_invalid")
