"""Property: our spelling of canonical JSON is the library's."""

from enum import StrEnum

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from assay.tlog.canonical import render_canonical


class Word(StrEnum):
    """Texts that are members of an enumeration, as ours often are."""

    ALLOW = "allow"
    QUOTED = 'é"'


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | TEXTS
    | st.sampled_from(Word)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(document=VALUES)
def test_a_document_is_spelled_as_the_library_spells_it(document: object) -> None:
    assert render_canonical(document) == rfc8785.dumps(document)  # type: ignore[arg-type]  # JSON, as drawn
