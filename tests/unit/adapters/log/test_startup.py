from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from assay.adapters.log.connection import driver_connection, open_writer, transaction
from assay.adapters.log.ledger import Head, append_batch
from assay.adapters.log.migration import migrate
from assay.adapters.log.schema import METADATA
from assay.adapters.log.startup import open_log
from assay.adapters.log.state import StateFolder, open_state
from assay.domain.errors import ConfigError
from assay.tlog.checkpoint import Checkpoint, sign_checkpoint
from assay.tlog.note import SigningKey
from tests.fakes.decision import denied
from tests.fakes.entry import entry_for

ORIGIN = "example.org/assay/test"


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return open_state(tmp_path / "state")


@pytest.fixture
def engine(state: StateFolder) -> Iterator[Engine]:
    engine = open_writer(state.database)
    migrate(engine)
    yield engine
    engine.dispose()


def _fill(engine: Engine, state: StateFolder, numbers: range = range(5)) -> tuple[SigningKey, Head]:
    key, head = open_log(engine, state, ORIGIN)
    driver = driver_connection(engine)
    with transaction(driver):
        head = append_batch(driver, [entry_for(denied(number)) for number in numbers], head=head, key=key).head
    state.keep_checkpoint(head.note)
    return key, head


def _refused(engine: Engine, state: StateFolder) -> str:
    with pytest.raises(ConfigError) as caught:
        open_log(engine, state, ORIGIN)
    return caught.value.code


def test_the_first_start_makes_key_and_checkpoint(engine: Engine, state: StateFolder) -> None:
    key, head = open_log(engine, state, ORIGIN)
    assert head.frontier.size == 0
    assert state.read_key(ORIGIN) == key
    assert state.read_kept() is not None


def test_a_later_start_goes_on_where_the_log_ended(engine: Engine, state: StateFolder) -> None:
    filled = _fill(engine, state)
    assert open_log(engine, state, ORIGIN) == filled


def test_a_first_start_that_was_interrupted_is_repeated(engine: Engine, state: StateFolder) -> None:
    before, _ = open_log(engine, state, ORIGIN)
    state.key.unlink()
    key, head = open_log(engine, state, ORIGIN)
    assert (state.read_key(ORIGIN), head.frontier.size) == (key, 0)
    assert key != before


def test_a_lost_verifier_key_is_written_again(engine: Engine, state: StateFolder) -> None:
    key, _ = _fill(engine, state)
    state.verifier_key.unlink()
    open_log(engine, state, ORIGIN)
    assert state.verifier_key.read_text("ascii").strip() == str(key.verifier_key)


def test_an_origin_that_cannot_name_a_log_is_refused(engine: Engine, state: StateFolder) -> None:
    with pytest.raises(ConfigError) as caught:
        open_log(engine, state, "two words")
    assert caught.value.code == "origin_malformed"


def test_a_log_whose_key_is_gone_is_not_continued_under_another(engine: Engine, state: StateFolder) -> None:
    _fill(engine, state)
    state.key.unlink()
    assert _refused(engine, state) == "checkpoint_key_missing"
    state.checkpoint.unlink()
    assert _refused(engine, state) == "checkpoint_key_missing"
    state.keep_checkpoint("no checkpoint")
    assert _refused(engine, state) == "checkpoint_key_missing"


def test_a_database_without_its_log_is_truncated(engine: Engine, state: StateFolder) -> None:
    _fill(engine, state)
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(delete(table))
    assert _refused(engine, state) == "log_truncated"
    state.checkpoint.unlink()
    assert _refused(engine, state) == "log_truncated"


def test_a_restored_backup_is_truncated(engine: Engine, state: StateFolder) -> None:
    key, head = _fill(engine, state)
    newer = Checkpoint(origin=ORIGIN, size=6, root=b"r" * 32)
    state.keep_checkpoint(sign_checkpoint(newer, key))
    assert _refused(engine, state) == "log_truncated"
    state.keep_checkpoint(head.note)
    open_log(engine, state, ORIGIN)


def test_another_tree_than_the_remembered_one_is_a_fork(engine: Engine, state: StateFolder) -> None:
    key, _ = _fill(engine, state)
    state.keep_checkpoint(sign_checkpoint(Checkpoint(origin=ORIGIN, size=3, root=b"r" * 32), key))
    assert _refused(engine, state) == "log_forked"


def test_an_older_remembered_checkpoint_of_the_same_tree_is_fine(engine: Engine, state: StateFolder) -> None:
    key, head = _fill(engine, state, range(3))
    driver = driver_connection(engine)
    with transaction(driver):
        newer = append_batch(driver, [entry_for(denied(7))], head=head, key=key).head
    assert open_log(engine, state, ORIGIN) == (key, newer)


def test_the_latest_checkpoint_counts_when_it_is_whole(engine: Engine, state: StateFolder) -> None:
    key, head = _fill(engine, state)
    newer = sign_checkpoint(Checkpoint(origin=ORIGIN, size=6, root=b"r" * 32), key)
    state.latest.write_text(newer)
    assert _refused(engine, state) == "log_truncated"
    state.latest.write_text(newer[:-9])
    assert open_log(engine, state, ORIGIN) == (key, head)
    state.latest.write_text(head.note)
    assert open_log(engine, state, ORIGIN) == (key, head)


def test_a_new_log_forgets_the_latest_checkpoint_of_another(engine: Engine, state: StateFolder) -> None:
    state.latest.write_text("of another log")
    open_log(engine, state, ORIGIN)
    assert not state.latest.exists()


def test_a_remembered_checkpoint_that_nobody_signed_is_refused(engine: Engine, state: StateFolder) -> None:
    _fill(engine, state)
    state.keep_checkpoint("no checkpoint")
    assert _refused(engine, state) == "log_damaged"


DAMAGES = [
    "UPDATE checkpoint SET note = 'no note'",
    "UPDATE checkpoint SET root = zeroblob(32)",
    "UPDATE node SET hash = zeroblob(32) WHERE level = 2",
    "UPDATE node SET hash = zeroblob(32) WHERE level = 1",
    "UPDATE node SET hash = x'00' WHERE level = 0",
    "DELETE FROM node WHERE level = 2",
    "UPDATE leaf SET bytes = x'7b7d' WHERE idx = 4",
    "UPDATE leaf SET bytes = 'text' WHERE idx = 4",
    "DELETE FROM leaf WHERE idx = 4",
    "UPDATE leaf SET idx = 9 WHERE idx = 4",
    "DELETE FROM decision WHERE leaf_index = 0",
    "UPDATE decision SET leaf_index = 9 WHERE leaf_index = 4",
    "INSERT INTO leaf VALUES (5, x'7b7d')",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_database_that_does_not_agree_with_itself_is_refused(engine: Engine, state: StateFolder, damage: str) -> None:
    _fill(engine, state)
    with engine.begin() as connection:
        connection.exec_driver_sql(damage)
    assert _refused(engine, state) == "log_damaged"
