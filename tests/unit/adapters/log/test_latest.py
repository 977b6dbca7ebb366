from pathlib import Path

import pytest

from assay.adapters.log.latest import LatestCheckpoint


def test_the_latest_is_all_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "latest"
    for note in ("first", "second"):
        with LatestCheckpoint(path) as latest:
            latest.write(note)
        assert path.read_text() == note
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "latest").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="latest"):
        LatestCheckpoint(tmp_path / "latest")
