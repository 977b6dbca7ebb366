"""What is missing is named all at once, each with its remedy."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.machine import (
    BUBBLEWRAP,
    SSH_KEYGEN,
    Machine,
    find_lacks,
    find_sandbox_fault,
    inspect_machine,
    namespace_remedy,
)
from tests.fakes.program import write_program

_GIB = 2**30
_GOOD = Machine(
    python=(3, 11),
    has_venv=True,
    system="Linux",
    architecture="x86_64",
    has_git=True,
    missing=(),
    installation=(),
    sandbox_fault="",
    free_bytes=10 * _GIB,
)


def _things(machine: Machine) -> list[str]:
    return [lack.thing for lack in find_lacks(machine, needed_bytes=2 * _GIB)]


def test_a_good_machine_lacks_nothing() -> None:
    assert _things(_GOOD) == []


@pytest.mark.parametrize(
    ("machine", "thing"),
    [
        (replace(_GOOD, system="Darwin"), "Linux on x86_64 (this is Darwin on x86_64)"),
        (replace(_GOOD, architecture="aarch64"), "Linux on x86_64 (this is Linux on aarch64)"),
        (replace(_GOOD, python=(3, 10)), "Python 3.11 or later"),
        (replace(_GOOD, has_venv=False), "Python's venv and ensurepip modules"),
        (replace(_GOOD, has_git=False), "git"),
        (replace(_GOOD, missing=(BUBBLEWRAP,)), "bubblewrap"),
        (replace(_GOOD, missing=(SSH_KEYGEN,)), "ssh-keygen"),
        (replace(_GOOD, sandbox_fault="run sysctl"), "user namespaces that bubblewrap can use"),
        (replace(_GOOD, free_bytes=_GIB), "2 GiB of free disk space (there are 1.0)"),
    ],
)
def test_one_thing_that_is_missing_is_named(machine: Machine, thing: str) -> None:
    assert _things(machine) == [thing]


def test_everything_that_is_missing_is_named_together() -> None:
    assert _things(replace(_GOOD, has_venv=False, has_git=False)) == ["Python's venv and ensurepip modules", "git"]


def test_the_remedy_names_the_package_of_each_system() -> None:
    (lack,) = find_lacks(replace(_GOOD, missing=(SSH_KEYGEN,)), needed_bytes=0)
    assert lack.remedy.startswith("install the package openssh (openssh-client on Debian, Ubuntu) as root")


def test_what_can_be_installed_is_not_missing() -> None:
    installation = (("apk", "add", "bubblewrap", "openssh"),)
    assert _things(replace(_GOOD, missing=(BUBBLEWRAP, SSH_KEYGEN), installation=installation)) == []


@pytest.mark.parametrize(
    ("switch", "value", "remedy"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "apparmor_restrict_unprivileged_userns=0"),
        ("kernel/unprivileged_userns_clone", "0", "unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "max_user_namespaces=15000"),
        ("user/max_user_namespaces", "63000", "inside a container"),
    ],
)
def test_the_remedy_names_the_switch_that_forbids(tmp_path: Path, switch: str, value: str, remedy: str) -> None:
    (tmp_path / switch).parent.mkdir()
    (tmp_path / switch).write_text(f"{value}\n")
    assert remedy in namespace_remedy(tmp_path)


def test_a_sandbox_that_works_has_no_fault() -> None:
    assert find_sandbox_fault() == ""


def test_a_sandbox_that_fails_says_what_bubblewrap_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path, "bwrap", "echo 'No permissions' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_sandbox_fault(tmp_path).endswith("(bwrap said: No permissions)")


def test_without_bubblewrap_namespaces_are_tried_with_unshare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path, "unshare", "echo 'Operation not permitted' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_sandbox_fault(tmp_path).endswith("(unshare said: Operation not permitted)")


def test_without_either_the_fault_is_found_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_sandbox_fault(tmp_path) == ""


def test_root_installs_bubblewrap_with_the_system_package_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(tmp_path, "dnf", "true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert inspect_machine(tmp_path, [BUBBLEWRAP]).installation == (("dnf", "install", "-y", "bubblewrap"),)


@pytest.mark.parametrize(
    ("manager", "package"),
    [
        ("apt-get", "openssh-client"),
        ("dnf", "openssh"),
        ("apk", "openssh"),
        ("pacman", "openssh"),
        ("zypper", "openssh"),
    ],
)
def test_every_package_manager_brings_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: str, package: str
) -> None:
    write_program(tmp_path, manager, "true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    *_, both = inspect_machine(tmp_path, [BUBBLEWRAP, SSH_KEYGEN]).installation
    assert both[-2:] == ("bubblewrap", package)
    write_program(tmp_path, "bwrap", "true")
    *_, one = inspect_machine(tmp_path, [BUBBLEWRAP, SSH_KEYGEN]).installation
    assert (one[-1], "bubblewrap" in one) == (package, False)
    write_program(tmp_path, "ssh-keygen", "true")
    assert inspect_machine(tmp_path, [BUBBLEWRAP, SSH_KEYGEN]).installation == ()


@pytest.mark.parametrize(("status", "commands"), [(0, 1), (1, 0)])
def test_others_install_it_only_where_sudo_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, commands: int
) -> None:
    write_program(tmp_path, "apk", "true")
    sudo = write_program(tmp_path, "sudo", f"exit {status}")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    installation = inspect_machine(tmp_path, [BUBBLEWRAP]).installation
    assert installation == ((str(sudo), "-n", "apk", "add", "bubblewrap"),)[:commands]


def test_without_sudo_or_package_manager_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert inspect_machine(tmp_path, [BUBBLEWRAP]).installation == ()


def test_this_machine_can_be_set_up(tmp_path: Path) -> None:
    assert find_lacks(inspect_machine(tmp_path, [BUBBLEWRAP, SSH_KEYGEN]), needed_bytes=0) == []
