import pytest

from assay.domain.errors import (
    AssayError,
    ConfigError,
    EvidenceRejected,
    InvalidInput,
    RecordCorrupt,
    RecordPart,
    Unavailable,
)


@pytest.mark.parametrize("family", [InvalidInput, EvidenceRejected, Unavailable, ConfigError])
def test_an_error_says_what_it_is_and_what_to_do(family: type[AssayError]) -> None:
    error = family("a_code", "the thing is wrong", remedy="mend it")
    assert (error.code, error.message, error.remedy) == ("a_code", "the thing is wrong", "mend it")
    assert str(error) == "the thing is wrong; mend it"


def test_only_unavailability_may_pass_by_itself() -> None:
    families = (InvalidInput, EvidenceRejected, Unavailable, ConfigError, RecordCorrupt)
    assert [family for family in families if family.retryable] == [Unavailable]


def test_a_corrupt_record_names_its_damaged_part() -> None:
    error = RecordCorrupt(RecordPart.LEAF, "the leaf is another one")
    assert (error.code, error.part) == ("record_corrupt", RecordPart.LEAF)
    assert "audit verify" in str(error)
