import pytest

from assay.domain.digest import Digest
from assay.domain.evidence_tag import EVIDENCE_SUFFIXES, EvidenceTag, evidence_tag, parse_evidence_tag

SUBJECT = Digest.of(b"image")


@pytest.mark.parametrize("suffix", ["", *EVIDENCE_SUFFIXES])
def test_a_tag_that_was_written_is_read_back(suffix: str) -> None:
    assert parse_evidence_tag(evidence_tag(SUBJECT, suffix)) == EvidenceTag(subject=SUBJECT, suffix=suffix)


@pytest.mark.parametrize("tag", ["v1", "", f"sha256-{SUBJECT.hex}.txt", f"sha256-{SUBJECT.hex[:-1]}", SUBJECT.text])
def test_any_other_tag_says_nothing(tag: str) -> None:
    assert parse_evidence_tag(tag) is None
