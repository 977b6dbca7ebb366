"""The command line of the engine."""

import subprocess
from pathlib import Path

from assay.adapters.opa.command import opa_command
from tests.fixtures.engines import OPA


def test_every_flag_exists_in_the_pinned_engine() -> None:
    manual = subprocess.run([OPA, "run", "--help"], capture_output=True, text=True, check=True).stdout
    command = opa_command(OPA, Path("opa.sock"), Path("bundle"))
    assert [flag for flag in command if flag.startswith("--") and f"{flag} " not in manual] == []


def test_the_engine_is_private_and_asks_nobody() -> None:
    command = opa_command(OPA, Path("opa.sock"), Path("bundle"))
    assert command[command.index("--unix-socket-perm") + 1] == "600"
    assert command[command.index("--authorization") + 1] == "basic"
    assert command[command.index("--addr") + 1] == "unix://opa.sock"
    assert "--skip-version-check" in command
