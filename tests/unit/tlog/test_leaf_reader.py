from dataclasses import replace

import pytest

from assay.domain.errors import InvalidInput
from assay.tlog.leaf import parse_leaf
from assay.tlog.leaf_form import LeafReader
from tests.fakes.decision import allowed, denied
from tests.fakes.leaf import leaf_for

FIRST, SECOND = leaf_for(denied(0)), leaf_for(replace(denied(0), id=denied(1).id), salt=b"o" * 32)


def test_leaves_of_one_outcome_are_read_as_they_are() -> None:
    reader = LeafReader()
    for octets in (FIRST, SECOND, leaf_for(allowed()), FIRST, leaf_for(replace(denied(0), dry_run=True))):
        assert reader.read(octets) == parse_leaf(octets)


def test_only_so_many_outcomes_are_remembered() -> None:
    reader = LeafReader(octets=4 * len(leaf_for(denied())))
    for decision in (denied(), allowed(), denied()):
        assert reader.read(leaf_for(decision)) == parse_leaf(leaf_for(decision))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (denied(0).id.encode(), b'a"b' + denied(0).id[3:].encode()),
        (denied(0).id.encode(), b"\xff" + denied(0).id[1:].encode()),
        (denied(0).id.encode(), b"\\u0041" + denied(0).id[6:].encode()),
        (b"T10:00:00.123Z", b"T10:00:00:123Z"),
        (b"T10:00:00.123Z", b"T25:00:00.123Z"),
        (b'"id":', b'"di":'),
        (b'{"caller":"', b'{"called":"'),
        (b'"verdict":"deny"', b'"verdict":"dent"'),
    ],
)
def test_what_is_no_leaf_is_refused_whatever_was_read_before(old: bytes, new: bytes) -> None:
    reader, broken = LeafReader(), FIRST.replace(old, new, 1)
    assert broken != FIRST
    for _ in range(2):
        with pytest.raises(InvalidInput) as caught:
            reader.read(broken)
        assert caught.value.code == "leaf_malformed"
        assert reader.read(FIRST) == parse_leaf(FIRST)


def test_an_id_that_needs_escapes_is_never_what_others_are_filled_into() -> None:
    reader, escaped = LeafReader(), FIRST.replace(denied(0).id.encode(), b'a\\"b')
    assert reader.read(escaped) == parse_leaf(escaped)
    broken = FIRST.replace(denied(0).id.encode(), b'ax"b')
    with pytest.raises(InvalidInput) as caught:
        reader.read(broken)
    assert caught.value.code == "leaf_malformed"
    assert reader.read(FIRST) == parse_leaf(FIRST)
