"""Whatever is changed in the database is found by the read and by the walk, and named; the untouched twin passes."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from assay.adapters.log.archive import Archive
from assay.adapters.log.row import COLUMN_PARTS
from assay.domain.errors import RecordCorrupt, RecordPart
from assay.domain.record import DecisionFilter
from assay.tlog.checkpoint import Checkpoint, sign_checkpoint
from assay.tlog.note import SigningKey
from tests.fakes.decision import allowed, denied, identifier
from tests.fakes.sequencer import ORIGIN, open_archive, running, soon

VICTIM = 5
SIZE = 11


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log") / "state"
    with running(folder) as client:
        for number in range(SIZE):
            client.record(allowed(number) if number % 3 == 0 else denied(number), soon())
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    shutil.copytree(pristine, tmp_path / "state", ignore=shutil.ignore_patterns("*.sock"))
    return tmp_path / "state"


def _tamper(folder: Path, statement: str, *parameters: object) -> Archive:
    """Change the database, and the archive that reads it then."""
    connection = sqlite3.connect(folder / "log.db")
    changed = connection.execute(statement, parameters).rowcount
    connection.commit()
    connection.close()
    assert changed > 0
    return open_archive(folder)


def _read_part(archive: Archive, number: int = VICTIM) -> RecordPart | None:
    try:
        archive.get_decision(identifier(number), tenant=None)
    except RecordCorrupt as error:
        return error.part if error.code == "record_corrupt" else None
    return None


def _walk(archive: Archive, limit: int = 100) -> list[tuple[RecordPart, int | None]]:
    damages, start = [], 0
    while True:
        page = archive.walk(start, limit)
        damages += [(damage.part, damage.index) for damage in page.damages]
        if page.next is None:
            return damages
        start = page.next


def test_nothing_is_found_in_an_untouched_copy(folder: Path) -> None:
    archive = open_archive(folder)
    assert [_read_part(archive, number) for number in range(SIZE)] == [None] * SIZE
    assert _walk(archive) == _walk(archive, 1) == _walk(archive, 3) == []


TEXT_COLUMNS = sorted(set(COLUMN_PARTS) - {"id", "leaf_index", "retryable", "dry_run"})


@pytest.mark.parametrize("column", TEXT_COLUMNS)
def test_a_changed_text_column_is_named(folder: Path, column: str) -> None:
    archive = _tamper(folder, f"UPDATE decision SET {column} = {column} || 'x' WHERE leaf_index = ?", VICTIM)  # noqa: S608
    assert _read_part(archive) is COLUMN_PARTS[column]
    assert _walk(archive) == [(COLUMN_PARTS[column], VICTIM)]
    assert _read_part(archive, VICTIM + 1) is None


@pytest.mark.parametrize("value", [1, 2, "no"])
@pytest.mark.parametrize("column", ["retryable", "dry_run"])
def test_a_changed_flag_is_named(folder: Path, column: str, value: object) -> None:
    archive = _tamper(folder, f"UPDATE decision SET {column} = ? WHERE leaf_index = ?", value, VICTIM)  # noqa: S608
    assert _read_part(archive) is COLUMN_PARTS[column]
    assert _walk(archive) == [(COLUMN_PARTS[column], VICTIM)]


def test_text_that_is_no_longer_text_is_named(folder: Path) -> None:
    archive = _tamper(folder, "UPDATE decision SET verdict = CAST(x'ff65' AS TEXT) WHERE leaf_index = ?", VICTIM)
    assert _read_part(archive) is RecordPart.VERDICT


def test_a_list_shows_damage_instead_of_the_changed_decision(folder: Path) -> None:
    archive = _tamper(folder, "UPDATE decision SET verdict = 'allow' WHERE leaf_index = ?", VICTIM)
    page = archive.list_decisions(DecisionFilter(), tenant=None, limit=100)
    assert [(damage.part, damage.index) for damage in page.damages] == [(RecordPart.VERDICT, VICTIM)]
    assert VICTIM not in {item.index for item in page.decisions}
    assert len(page.decisions) == SIZE - 1


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE leaf SET bytes = x'7b7d' WHERE idx = 5", RecordPart.LEAF),
        ("UPDATE leaf SET bytes = 'text' WHERE idx = 5", RecordPart.LEAF),
        ("DELETE FROM leaf WHERE idx = 5", RecordPart.LEAF),
        ("UPDATE decision SET leaf_index = 'five' WHERE leaf_index = 5", RecordPart.INDEX),
    ],
)
def test_a_list_names_a_damaged_leaf(folder: Path, statement: str, part: RecordPart) -> None:
    page = _tamper(folder, statement).list_decisions(DecisionFilter(), tenant=None, limit=100)
    assert [damage.part for damage in page.damages] == [part]


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE leaf SET bytes = replace(bytes, 'deny', 'warn') WHERE idx = 5", RecordPart.LEAF),
        ("UPDATE leaf SET bytes = CAST(replace(bytes, 'prod', 'test') AS BLOB) WHERE idx = 5", RecordPart.LEAF),
        ("UPDATE leaf SET bytes = zeroblob(0) WHERE idx = 5", RecordPart.LEAF),
        ("DELETE FROM leaf WHERE idx = 5", RecordPart.LEAF),
        ("UPDATE node SET hash = zeroblob(32) WHERE level = 0 AND idx = 5", RecordPart.NODE),
        ("UPDATE node SET hash = 'text' WHERE level = 0 AND idx = 5", RecordPart.NODE),
        ("DELETE FROM node WHERE level = 0 AND idx = 5", RecordPart.NODE),
        ("UPDATE image SET digest = digest || '0' WHERE decision_id = ?", RecordPart.IMAGE),
        ("UPDATE image SET name = 'registry.example/other' WHERE decision_id = ?", RecordPart.IMAGE),
        ("UPDATE image SET position = 7 WHERE decision_id = ?", RecordPart.IMAGE),
        ("DELETE FROM image WHERE decision_id = ?", RecordPart.IMAGE),
        ("INSERT INTO image VALUES (?, 1, 'registry.example/x', 'sha256:0')", RecordPart.IMAGE),
        ("UPDATE finding SET status = 'pass' WHERE decision_id = ?", RecordPart.FINDING),
        ("UPDATE finding SET severity = 'low' WHERE decision_id = ?", RecordPart.FINDING),
        ("UPDATE finding SET code = 'x' WHERE decision_id = ?", RecordPart.FINDING),
        ("UPDATE finding SET term = 'x' WHERE decision_id = ?", RecordPart.FINDING),
        ("UPDATE finding SET time = 'x' WHERE decision_id = ?", RecordPart.FINDING),
        ("DELETE FROM finding WHERE decision_id = ? AND position = 1", RecordPart.FINDING),
        ("UPDATE preimage SET bytes = zeroblob(9) WHERE id = ?", RecordPart.PREIMAGE),
        ("UPDATE preimage SET bytes = 'text' WHERE id = ?", RecordPart.PREIMAGE),
        ("UPDATE preimage SET salt = zeroblob(32) WHERE id = ?", RecordPart.PREIMAGE),
        ("UPDATE preimage SET salt = zeroblob(3) WHERE id = ?", RecordPart.PREIMAGE),
    ],
)
def test_a_changed_part_is_named(folder: Path, statement: str, part: RecordPart) -> None:
    parameters = [identifier(VICTIM)] if "?" in statement else []
    archive = _tamper(folder, statement, *parameters)
    assert _read_part(archive) is part
    assert {found for found, _ in _walk(archive)} == {part}
    assert _read_part(archive, VICTIM + 2) is None


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("bytes", "bytes = substr(bytes, 1, length(bytes) - 1)"),
        ("bytes", "bytes = 'text'"),
        ("size", "size = size + 1"),
        ("media_type", "media_type = 'text/plain'"),
        ("sha256", "sha256 = sha256 || 'x'"),
    ],
)
def test_a_changed_document_is_named(folder: Path, column: str, change: str) -> None:
    of_victim = "sha256 = (SELECT input FROM decision WHERE leaf_index = 5)"
    archive = _tamper(folder, f"UPDATE blob SET {change} WHERE {of_victim}")  # noqa: S608
    assert _read_part(archive) is RecordPart.INPUT
    assert _walk(archive) == [(RecordPart.INPUT, VICTIM)]


def test_a_changed_report_is_named_in_every_decision_that_has_it(folder: Path) -> None:
    of_victim = "sha256 = (SELECT report FROM decision WHERE leaf_index = 5)"
    archive = _tamper(folder, f"DELETE FROM blob WHERE {of_victim}")  # noqa: S608
    assert _read_part(archive) is RecordPart.REPORT
    assert _walk(archive) == [(RecordPart.REPORT, number) for number in range(SIZE) if number % 3]


@pytest.mark.parametrize(("level", "index", "reader"), [(1, 1, 0), (1, 3, 4), (2, 0, 4), (3, 0, 9)])
def test_a_changed_interior_node_is_named(folder: Path, level: int, index: int, reader: int) -> None:
    archive = _tamper(folder, "UPDATE node SET hash = zeroblob(32) WHERE level = ? AND idx = ?", level, index)
    assert _read_part(archive, reader) is RecordPart.NODE
    assert _walk(archive) == [(RecordPart.NODE, None)]
    assert {part for part, _ in _walk(archive, 1)} == {RecordPart.NODE}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoint SET root = zeroblob(32) WHERE size = 11",
        "UPDATE checkpoint SET note = replace(note, 'test', 'tost') WHERE size = 11",
        "UPDATE checkpoint SET note = x'00' WHERE size = 11",
        "UPDATE checkpoint SET size = 12 WHERE size = 11",
        "DELETE FROM checkpoint",
    ],
)
def test_a_changed_newest_checkpoint_is_named(folder: Path, statement: str) -> None:
    archive = _tamper(folder, statement)
    assert _read_part(archive) is RecordPart.CHECKPOINT
    assert _walk(archive) == [(RecordPart.CHECKPOINT, None)]


def test_a_decision_beyond_the_last_checkpoint_is_not_believed(folder: Path) -> None:
    archive = _tamper(folder, "DELETE FROM checkpoint WHERE size > 8")
    assert _read_part(archive, 9) is RecordPart.CHECKPOINT
    assert _read_part(archive) is None
    assert RecordPart.CHECKPOINT in {part for part, _ in _walk(archive)}


def test_an_older_changed_checkpoint_is_found_by_the_walk(folder: Path) -> None:
    archive = _tamper(folder, "UPDATE checkpoint SET root = zeroblob(32) WHERE size = 4")
    assert _walk(archive) == [(RecordPart.CHECKPOINT, None)]
    assert _walk(archive, 2) == [(RecordPart.CHECKPOINT, None)]


def test_a_checkpoint_of_another_tree_is_found_by_the_walk(folder: Path) -> None:
    key = SigningKey.parse((folder / "checkpoint.key").read_text("ascii"))
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=4, root=b"r" * 32), key)
    archive = _tamper(folder, "UPDATE checkpoint SET root = ?, note = ? WHERE size = 4", b"r" * 32, note)
    assert _walk(archive) == [(RecordPart.NODE, None)]


def test_a_deleted_decision_is_missed_and_leaves_strays(folder: Path) -> None:
    archive = _tamper(folder, "DELETE FROM decision WHERE leaf_index = 5")
    page = archive.walk(0, 100)
    assert page.damages[0].id == identifier(VICTIM)
    assert {damage.part for damage in page.damages} >= {RecordPart.DECISION, RecordPart.FINDING, RecordPart.IMAGE}
    assert _read_part(archive) is None
    assert archive.get_decision(identifier(VICTIM), tenant=None) is None


def test_a_deleted_decision_with_a_damaged_leaf_is_found_without_its_name(folder: Path) -> None:
    _tamper(folder, "UPDATE leaf SET bytes = x'7b7d' WHERE idx = 5")
    page = _tamper(folder, "DELETE FROM decision WHERE leaf_index = 5").walk(0, 100)
    assert [(damage.part, damage.id) for damage in page.damages if damage.index == VICTIM] == [(RecordPart.LEAF, "")]


@pytest.mark.parametrize("index", [11, -1])
def test_an_added_decision_is_found(folder: Path, index: int) -> None:
    columns = "leaf_index, kind, time, tenant, environment, verdict, retryable, dry_run, input, report, policy"
    rest = "rule_data, trust_root, opa, source_commit, service_version, caller"
    archive = _tamper(
        folder,
        f"INSERT INTO decision (id, {columns}, {rest}) SELECT 'added', {index}, "  # noqa: S608
        f"{columns.removeprefix('leaf_index, ')}, {rest} FROM decision WHERE leaf_index = 5",
    )
    assert {part for part, _ in _walk(archive)} == {RecordPart.DECISION}
    with pytest.raises(RecordCorrupt) as caught:
        archive.get_decision("added", tenant=None)
    assert caught.value.part is RecordPart.INDEX


def test_a_renamed_decision_is_named(folder: Path) -> None:
    archive = _tamper(folder, "UPDATE decision SET id = 'renamed' WHERE leaf_index = 5")
    with pytest.raises(RecordCorrupt) as caught:
        archive.get_decision("renamed", tenant=None)
    assert caught.value.part is RecordPart.ID
    assert (RecordPart.ID, VICTIM) in _walk(archive)


@pytest.mark.parametrize("index", [99, -5, "five"])
def test_a_moved_decision_is_named(folder: Path, index: object) -> None:
    archive = _tamper(folder, "UPDATE decision SET leaf_index = ? WHERE leaf_index = 5", index)
    assert _read_part(archive) is RecordPart.INDEX
    assert RecordPart.DECISION in {part for part, _ in _walk(archive)}


def test_two_decisions_that_changed_places_are_named(folder: Path) -> None:
    _tamper(folder, "UPDATE decision SET leaf_index = 99 WHERE leaf_index = 5")
    _tamper(folder, "UPDATE decision SET leaf_index = 5 WHERE leaf_index = 6")
    archive = _tamper(folder, "UPDATE decision SET leaf_index = 6 WHERE leaf_index = 99")
    assert _read_part(archive) is RecordPart.INDEX
    assert _walk(archive) == [(RecordPart.INDEX, 5), (RecordPart.INDEX, 6)]


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("INSERT INTO leaf VALUES (11, x'00')", RecordPart.LEAF),
        ("INSERT INTO node VALUES (0, 11, zeroblob(32))", RecordPart.NODE),
        ("INSERT INTO image VALUES ('nobody', 0, 'a', 'b')", RecordPart.IMAGE),
        ("INSERT INTO finding VALUES ('nobody', 0, 'a', 'b', 'c', 'd', 'e')", RecordPart.FINDING),
        ("INSERT INTO preimage VALUES ('nobody', x'00', x'00')", RecordPart.PREIMAGE),
    ],
)
def test_an_added_row_is_found(folder: Path, statement: str, part: RecordPart) -> None:
    assert _walk(_tamper(folder, statement)) == [(part, None)]


def test_a_deleted_preimage_leaves_the_proof_valid(folder: Path) -> None:
    archive = _tamper(folder, "DELETE FROM preimage WHERE id = ?", identifier(VICTIM))
    stored = archive.get_decision(identifier(VICTIM), tenant=None)
    assert stored is not None
    assert stored.preimage is None
    assert _walk(archive) == []


@pytest.mark.parametrize("note", [None, "no checkpoint", "larger", "forked"])
def test_the_walk_compares_with_the_checkpoint_outside(folder: Path, note: str | None) -> None:
    key = SigningKey.parse((folder / "checkpoint.key").read_text("ascii"))
    notes = {
        "larger": sign_checkpoint(Checkpoint(origin=ORIGIN, size=12, root=b"r" * 32), key),
        "forked": sign_checkpoint(Checkpoint(origin=ORIGIN, size=3, root=b"r" * 32), key),
    }
    (folder / "checkpoint").unlink()
    if note is not None:
        (folder / "checkpoint").write_text(notes.get(note, note), "utf-8")
    assert _walk(open_archive(folder)) == [(RecordPart.CHECKPOINT, None)]


def test_a_database_file_that_is_damaged_is_named(folder: Path) -> None:
    octets = bytearray((folder / "log.db").read_bytes())
    octets[:16] = bytes(16)
    (folder / "log.db").write_bytes(octets)
    assert _read_part(open_archive(folder)) is RecordPart.DATABASE
    assert _walk(open_archive(folder)) == [(RecordPart.DATABASE, None)]
