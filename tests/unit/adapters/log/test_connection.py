import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select

from assay.adapters.log.connection import open_reader, open_writer, read_generation, require_writable, snapshot
from assay.adapters.log.migration import migrate
from assay.adapters.log.schema import GENERATION, LEAF, METADATA
from assay.domain.errors import ConfigError, RecordCorrupt, RecordPart, Unavailable


def _make(path: Path) -> Path:
    engine = open_writer(path)
    migrate(engine)
    engine.dispose()
    return path


def test_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    engine = open_writer(tmp_path / "log.db")
    migrate(engine)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert read_generation(connection) == GENERATION
    engine.dispose()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = _make(_make(tmp_path / "log.db"))
    with snapshot(open_reader(path)) as connection:
        assert connection.execute(select(LEAF)).all() == []


def test_the_writer_commits_to_disk_through_a_write_ahead_log(tmp_path: Path) -> None:
    engine = open_writer(tmp_path / "log.db")
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = _make(tmp_path / "log ?#%.db")
    with pytest.raises(Unavailable) as caught, snapshot(open_reader(path)) as connection:
        connection.execute(insert(LEAF).values(idx=0, bytes=b""))
    assert caught.value.code == "database_unavailable"


def test_a_database_that_can_only_be_read_is_no_place_for_a_writer(tmp_path: Path) -> None:
    path = _make(tmp_path / "log.db")
    writer = open_writer(path)
    require_writable(writer)
    with writer.begin() as connection:
        assert read_generation(connection) == GENERATION
    writer.dispose()
    with pytest.raises(Unavailable, match="attempt to write a readonly database") as caught:
        require_writable(open_reader(path))
    assert caught.value.code == "database_unavailable"


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught, snapshot(open_reader(tmp_path / "log.db")):
        pass
    assert caught.value.code == "database_unavailable"
    assert not (tmp_path / "log.db").exists()


def test_a_reader_refuses_another_generation_of_the_schema(tmp_path: Path) -> None:
    path = _make(tmp_path / "log.db")
    with snapshot(open_reader(path)):
        pass
    _set_generation(path, 2)
    with pytest.raises(Unavailable) as caught, snapshot(open_reader(path)):
        pass
    assert caught.value.code == "database_unavailable"


def test_a_later_schema_is_not_touched(tmp_path: Path) -> None:
    path = _make(tmp_path / "log.db")
    _set_generation(path, 2)
    engine = open_writer(path)
    with pytest.raises(ConfigError) as caught:
        migrate(engine)
    engine.dispose()
    assert caught.value.code == "schema_unknown"


def test_a_file_that_is_no_database_is_named_damaged(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(RecordCorrupt) as caught, snapshot(open_reader(tmp_path / "log.db")):
        pass
    assert caught.value.part is RecordPart.DATABASE


def _set_generation(path: Path, generation: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {generation}")
    connection.close()
