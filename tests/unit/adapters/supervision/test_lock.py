import os
import stat
from pathlib import Path

import pytest

from assay.adapters.supervision.lock import hold_supervisor_lock
from assay.domain.errors import ConfigError


def test_a_second_supervisor_of_a_state_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.lock"
    with hold_supervisor_lock(path), pytest.raises(ConfigError) as refused, hold_supervisor_lock(path):
        pass
    assert refused.value.code == "already_running"
    assert str(tmp_path) in refused.value.message


def test_a_supervisor_that_ended_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.lock"
    for _ in range(2):
        with hold_supervisor_lock(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_child_inherits_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.lock"
    with hold_supervisor_lock(path):
        held = [int(entry.name) for entry in Path("/proc/self/fd").iterdir() if os.path.realpath(entry) == str(path)]
        assert held
        assert not any(os.get_inheritable(descriptor) for descriptor in held)
