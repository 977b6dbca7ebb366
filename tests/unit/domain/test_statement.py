import pytest

from assay.domain.digest import Digest
from assay.domain.statement import Statement, Subject

IMAGE = Digest.of(b"image")


def test_a_subject_is_found_by_its_digest() -> None:
    named, match = Subject(digest=None, name="n"), Subject(digest=IMAGE, name="first")
    statement = Statement(predicate_type="t", subjects=(named, match, Subject(digest=IMAGE)), predicate={})
    assert statement.find_subject(IMAGE) is match
    assert statement.find_subject(Digest.of(b"other")) is None
    assert statement.digests == (IMAGE, IMAGE)


@pytest.mark.parametrize(("predicate_type", "subjects"), [("", (Subject(digest=IMAGE),)), ("t", ())])
def test_a_statement_about_nothing_cannot_be_built(predicate_type: str, subjects: tuple[Subject, ...]) -> None:
    with pytest.raises(ValueError, match="predicate type and a subject"):
        Statement(predicate_type=predicate_type, subjects=subjects, predicate={})
