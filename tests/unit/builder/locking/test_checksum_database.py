from collections.abc import Callable

import pytest

from assay.domain.errors import InvalidInput
from assay_builder.locking.checksum_database import _tile_number, verify_module_hash
from tests.fakes.build import LIBRARY
from tests.fakes.checksum_database import FakeChecksumDatabase

H1 = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def verify(database: FakeChecksumDatabase, h1: str = H1) -> None:
    verify_module_hash(LIBRARY, h1, fetch=database.fetch, verifier_key=database.verifier_key)


@pytest.mark.parametrize(
    ("size", "at"), [(1, 0), (2, 1), (3, 2), (256, 0), (257, 256), (700, 300), (700, 699), (1024, 5)]
)
def test_a_record_in_the_signed_tree_proves_a_hash(size: int, at: int) -> None:
    database = FakeChecksumDatabase(LIBRARY, H1, size=size, at=at)
    verify(database)
    assert database.asked[0] == "lookup/example.net/library@v0.1.0"


def test_another_hash_than_the_recorded_one_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        verify(FakeChecksumDatabase(LIBRARY, H1), "h1:other")
    assert caught.value.code == "module_hash_mismatch"


def _other_record(database: FakeChecksumDatabase) -> None:
    database.record = database.record.replace("h1:m=", "h1:n=")


def _other_tree(database: FakeChecksumDatabase) -> None:
    database.note_text = database.note_text.replace("700", "701")


def _beyond_the_tree(database: FakeChecksumDatabase) -> None:
    database.at = 700


def _no_tree(database: FakeChecksumDatabase) -> None:
    database.note_text = "another note\n"


def _short_tile(database: FakeChecksumDatabase) -> None:
    database.leaves = database.leaves[:600]


def _no_record(database: FakeChecksumDatabase) -> None:
    database.record = ""


@pytest.mark.parametrize(
    "lie",
    [_other_record, _other_tree, _beyond_the_tree, _no_tree, _short_tile, _no_record],
    ids=lambda lie: lie.__name__,
)
def test_every_lie_of_the_database_is_found(lie: Callable[[FakeChecksumDatabase], None]) -> None:
    database = FakeChecksumDatabase(LIBRARY, H1)
    verify(database)
    lie(database)
    with pytest.raises(InvalidInput) as caught:
        verify(database)
    assert caught.value.code == "module_unproven"


def test_a_tree_signed_by_another_key_is_refused() -> None:
    database = FakeChecksumDatabase(LIBRARY, H1)
    name, key_hash, key = database.verifier_key.split("+", 2)
    another_key = FakeChecksumDatabase(LIBRARY, H1, seed=b"o").verifier_key.split("+", 2)[2]
    for other in (
        f"{name}+00000000+{key}",
        f"other+{key_hash}+{key}",
        f"{name}+{key_hash}+AgAA",
        f"{name}+{key_hash}+{another_key}",
    ):
        with pytest.raises(InvalidInput) as caught:
            verify_module_hash(LIBRARY, H1, fetch=database.fetch, verifier_key=other)
        assert caught.value.code == "module_unproven"


def test_an_answer_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        verify_module_hash(LIBRARY, H1, fetch=lambda path: b"\xff" + path.encode(), verifier_key="")
    assert caught.value.code == "module_unproven"


@pytest.mark.parametrize(("number", "path"), [(0, "000"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")])
def test_tiles_are_asked_for_in_the_form_of_the_protocol(number: int, path: str) -> None:
    assert _tile_number(number) == path
