import pytest

from assay.domain.digest import Digest
from assay.domain.evidence_tag import EVIDENCE_SUFFIXES, evidence_tag, is_evidence_tag

SUBJECT = Digest.of(b"image")


@pytest.mark.parametrize("suffix", ["", *EVIDENCE_SUFFIXES])
def test_a_tag_that_was_written_is_known_again(suffix: str) -> None:
    assert is_evidence_tag(evidence_tag(SUBJECT, suffix))


@pytest.mark.parametrize("tag", ["v1", "", f"sha256-{SUBJECT.hex}.txt", f"sha256-{SUBJECT.hex[:-1]}", SUBJECT.text])
def test_any_other_tag_is_not(tag: str) -> None:
    assert not is_evidence_tag(tag)
