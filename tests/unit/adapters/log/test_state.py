import stat
from pathlib import Path

import pytest

from assay.adapters.log.state import StateFolder, hold_lock, open_state
from assay.domain.errors import ConfigError
from assay.tlog.checkpoint import Checkpoint, sign_checkpoint
from assay.tlog.note import SigningKey

KEY = SigningKey(name="example.org/log", seed=b"s" * 32)


def test_a_missing_folder_is_made_for_us_alone(tmp_path: Path) -> None:
    state = open_state(tmp_path / "a" / "state")
    assert stat.S_IMODE(state.folder.stat().st_mode) == 0o700


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    with pytest.raises(ConfigError) as caught:
        open_state(folder)
    assert caught.value.code == "state_folder_unsafe"
    folder.chmod(0o700)
    open_state(folder)


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError) as caught:
        open_state(tmp_path / "link")
    assert caught.value.code == "state_folder_unsafe"
    open_state(tmp_path / "real")


def test_a_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        open_state(tmp_path / "file" / "state")
    assert caught.value.code == "state_folder_unusable"


def test_a_folder_whose_socket_has_too_long_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_state(tmp_path / ("x" * 100))
    assert caught.value.code == "state_folder_unusable"


def test_a_second_holder_of_the_lock_is_refused(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    with hold_lock(state), pytest.raises(ConfigError) as caught, hold_lock(state):
        pass
    assert caught.value.code == "sequencer_running"
    with hold_lock(state):
        pass


def test_the_key_is_written_for_us_alone_and_read_back(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    assert state.read_key(KEY.name) is None
    state.write_key(KEY)
    assert stat.S_IMODE(state.key.stat().st_mode) == 0o600
    assert state.read_key(KEY.name) == KEY
    assert state.verifier_key.read_text("ascii") == f"{KEY.verifier_key}\n"


def _folder_with_key(tmp_path: Path) -> StateFolder:
    state = open_state(tmp_path / "state")
    state.write_key(KEY)
    return state


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    state = _folder_with_key(tmp_path)
    state.key.chmod(0o640)
    with pytest.raises(ConfigError) as caught:
        state.read_key(KEY.name)
    assert caught.value.code == "checkpoint_key_unsafe"


def test_a_key_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    state = _folder_with_key(tmp_path)
    state.key.write_bytes(b"\xff")
    with pytest.raises(ConfigError) as caught:
        state.read_key(KEY.name)
    assert caught.value.code == "checkpoint_key_malformed"


def test_the_key_of_another_origin_is_refused(tmp_path: Path) -> None:
    state = _folder_with_key(tmp_path)
    with pytest.raises(ConfigError) as caught:
        state.read_key("example.org/other")
    assert caught.value.code == "origin_mismatch"


def test_a_checkpoint_is_replaced_whole(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    assert state.read_checkpoints(KEY.verifier_key) == ()
    state.keep_checkpoint("first")
    state.keep_checkpoint("second")
    assert state.read_kept() == "second"
    assert {path.name for path in state.folder.iterdir()} == {"checkpoint"}


def test_the_latest_checkpoint_is_remembered_when_it_is_whole(tmp_path: Path) -> None:
    state, note = (
        open_state(tmp_path / "state"),
        sign_checkpoint(Checkpoint(origin=KEY.name, size=0, root=b"r" * 32), KEY),
    )
    state.latest.write_text(note)
    assert state.read_checkpoints(KEY.verifier_key) == ()
    state.keep_checkpoint("kept")
    assert state.read_checkpoints(KEY.verifier_key) == ("kept", note)
    state.latest.write_text(note[:-1])
    assert state.read_checkpoints(KEY.verifier_key) == ("kept",)
