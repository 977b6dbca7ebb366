"""Set-up looks first, then does what is not done yet, and does nothing the second time."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts import set_up as script
from scripts.checkout import Checkout, SetUpError, write_stamp
from scripts.machine import BUBBLEWRAP, SOFTHSM, SSH_KEYGEN, Program, inspect_machine
from scripts.progress import Progress
from scripts.set_up import PROFILES, Profile, find_steps, main, set_up
from scripts.virtual_environment import environment_is_current, install_environment
from tests.fakes.checkout import calls, fake_venv, small_checkout
from tests.fakes.program import write_program

_ROOT = Path(__file__).parents[3]
_PROFILE = Profile(environments=(("runtime.lock", "build.lock"), ("development.lock",)), tools=("opa",))
_GO = (
    '[ "$1" = version ] && echo go version go1.26.8 linux/amd64; '
    'while [ $# -gt 0 ]; do [ "$1" = -o ] && echo built > "$2"; shift; done; exit 0'
)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A small checkout with an environment of shell scripts, and a Go that writes files."""
    made = small_checkout(tmp_path / "checkout", "opa")
    fake_venv(made)
    go = write_program(tmp_path / "gobin", "go", _GO)
    monkeypatch.setenv("PATH", f"{go.parent}{os.pathsep}{os.environ['PATH']}")
    return made


def _break_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_program(tmp_path / "broken", "bwrap", "exit 1").parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_set_up_does_everything_once(checkout: Checkout) -> None:
    assert set_up(checkout, _PROFILE) == 3
    assert (checkout.binaries / "opa").exists()
    assert set_up(checkout, _PROFILE) == 0


def test_packages_come_from_the_lock_files_by_hash_and_as_wheels(checkout: Checkout) -> None:
    set_up(checkout, _PROFILE)
    install = next(call for call in calls(checkout) if "--require-hashes" in call)
    assert "--only-binary :all:" in install
    assert install.endswith("--requirement requirements/runtime.lock --requirement requirements/build.lock")


def test_the_project_itself_is_installed_without_asking_an_index(checkout: Checkout) -> None:
    set_up(checkout, _PROFILE)
    assert any("--no-deps --no-build-isolation --no-index --editable ." in call for call in calls(checkout))


def test_an_environment_for_the_tests_serves_the_demonstration_too(checkout: Checkout) -> None:
    set_up(checkout, Profile(environments=(("development.lock",),), tools=("opa",)))
    assert set_up(checkout, _PROFILE) == 0


def test_a_changed_lock_file_is_installed(checkout: Checkout) -> None:
    set_up(checkout, _PROFILE)
    (checkout.root / "requirements" / "runtime.lock").write_text("# newer\n")
    assert set_up(checkout, _PROFILE) == 1


def test_a_removed_environment_is_not_current(checkout: Checkout) -> None:
    set_up(checkout, _PROFILE)
    checkout.python.unlink()
    assert not environment_is_current(checkout, _PROFILE.environments[0])


def test_an_environment_that_does_not_run_is_made_anew(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.python.unlink()
    maker = write_program(checkout.root, "maker", 'mkdir -p "$3/bin"; ln -s /bin/true "$3/bin/python"')
    monkeypatch.setattr(sys, "executable", str(maker))
    install_environment(checkout, Progress(steps=1, logs=checkout.logs), ("runtime.lock",))
    assert checkout.python.readlink() == Path("/bin/true")
    assert environment_is_current(checkout, ("runtime.lock",))


def test_what_is_missing_stops_set_up_before_anything_is_done(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_sandbox(tmp_path, monkeypatch)
    with pytest.raises(SetUpError, match="nothing was installed, because this machine lacks:\n  - user namespaces"):
        set_up(checkout, _PROFILE)
    assert calls(checkout) == []


def test_go_is_installed_only_where_there_is_none(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = inspect_machine(checkout.root, _PROFILE.programs)
    with_go = len(find_steps(checkout, _PROFILE, machine))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("scripts.go_toolchain._USUAL_PLACES", ())
    assert len(find_steps(checkout, _PROFILE, machine)) == with_go + 1


def test_bubblewrap_is_installed_and_then_really_tried(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "system"
    write_program(folder, "apk", f'printf "#!/bin/sh\\nexit 1\\n" > {folder}/bwrap; /bin/chmod +x {folder}/bwrap')
    write_program(folder, "git", "true")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(SetUpError, match="bubblewrap is installed but cannot make a sandbox"):
        set_up(checkout, _PROFILE)
    assert "installing with the system's package manager: apk add bubblewrap" in capfd.readouterr().out


def test_main_says_that_everything_is_ready(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "__file__", str(checkout.root / "scripts" / "set_up.py"))
    monkeypatch.setitem(PROFILES, "demo", _PROFILE)
    assert (main([]), main(["demo"])) == (0, 0)
    first, second = (line for line in capsys.readouterr().out.splitlines() if line.startswith("setup:"))
    assert "ready for demo: 3 step(s) done" in first
    assert "ready for demo: nothing to do" in second


def test_main_explains_a_failure(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "__file__", str(checkout.root / "scripts" / "set_up.py"))
    monkeypatch.setitem(PROFILES, "demo", _PROFILE)
    _break_sandbox(tmp_path, monkeypatch)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err.startswith("setup: nothing was installed")


def test_main_can_be_interrupted(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "__file__", str(checkout.root / "scripts" / "set_up.py"))
    monkeypatch.setattr(script, "set_up", interrupt)
    assert main(["demo"]) == 130
    assert "finished steps are kept" in capsys.readouterr().err


def test_a_second_set_up_of_one_checkout_waits(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "__file__", str(checkout.root / "scripts" / "set_up.py"))
    monkeypatch.setitem(PROFILES, "demo", _PROFILE)
    checkout.tools.mkdir()
    with (checkout.tools / "set-up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        timer = threading.Timer(0.2, fcntl.flock, (lock, fcntl.LOCK_UN))
        timer.start()
        assert main(["demo"]) == 0
        timer.join()
    assert "waiting for another set-up" in capsys.readouterr().out


def test_the_inputs_are_fetched_into_the_checkout(checkout: Checkout) -> None:
    set_up(checkout, _PROFILE)
    fetch = next(call for call in calls(checkout) if call.startswith("assay"))
    assert fetch.endswith(f"{checkout.root}/.tools/inputs")


@pytest.mark.parametrize(
    ("profile", "programs"),
    [("demo", {BUBBLEWRAP}), ("test-fast", {BUBBLEWRAP, SSH_KEYGEN}), ("test", {BUBBLEWRAP, SSH_KEYGEN, SOFTHSM})],
)
def test_each_purpose_needs_its_own_programs(profile: str, programs: set[Program]) -> None:
    assert set(PROFILES[profile].programs) == programs


def test_every_profile_pins_what_it_installs() -> None:
    checkout = Checkout(root=_ROOT)
    for profile in PROFILES.values():
        assert all(
            (checkout.root / "requirements" / lock).is_file() for locks in profile.environments for lock in locks
        )


def _start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name in ("sh", "env", "dirname"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    return subprocess.run(
        [_ROOT / "setup", *arguments],
        env={"PATH": str(folder)},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_a_machine_with_an_old_python_is_told_everything_at_once(tmp_path: Path) -> None:
    write_program(tmp_path, "python3", 'case "$*" in --version) echo Python 3.10.1;; *) exit 1;; esac')
    result = _start(tmp_path)
    assert result.returncode == 1
    assert "Python 3.11 or later with its venv module (found: Python 3.10.1)" in result.stderr
    assert "- git: install the package git" in result.stderr
    assert "- bubblewrap: install the package bubblewrap" in result.stderr
    assert "ssh-keygen" not in result.stderr


@pytest.mark.parametrize("profile", ["test", "test-fast"])
def test_for_tests_that_machine_is_told_of_ssh_keygen_too(tmp_path: Path, profile: str) -> None:
    without, with_it = tmp_path / "without", tmp_path / "with"
    without.mkdir()
    write_program(with_it, "ssh-keygen", "true")
    assert "- ssh-keygen: install the package openssh" in _start(without, profile).stderr
    assert "ssh-keygen" not in _start(with_it, profile).stderr


def test_the_first_python_that_is_new_enough_does_the_work(tmp_path: Path) -> None:
    write_program(tmp_path, "python3", "exit 1")
    write_program(tmp_path, "python3.13", 'case "$*" in *scripts.set_up*) echo "set up with $*";; esac')
    assert _start(tmp_path).stdout == "set up with -E -s -m scripts.set_up\n"


def test_an_unfinished_stamp_means_that_the_work_is_repeated(checkout: Checkout) -> None:
    set_up(checkout, _PROFILE)
    write_stamp(checkout.stamp("opa"), "")
    assert set_up(checkout, _PROFILE) == 1
