"""What the machine has, and what it lacks for set-up."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_OLDEST_PYTHON = (3, 11)
_GIB = 2**30

_SOFTHSM_PLACES = tuple(
    Path(folder, "libsofthsm2.so")
    for folder in (
        "/usr/lib/softhsm",
        "/usr/lib64/softhsm",
        "/usr/lib64/pkcs11",
        "/usr/lib/pkcs11",
        "/usr/lib/x86_64-linux-gnu/softhsm",
        "/usr/local/lib/softhsm",
    )
)

# The packages are added to the last command of each; a command is run with the prefix that makes it root's.
_PACKAGE_MANAGERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "apt-get": (
        ("apt-get", "update"),
        ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"),
    ),
    "dnf": (("dnf", "install", "-y"),),
    "apk": (("apk", "add"),),
    "pacman": (("pacman", "-Sy", "--noconfirm"),),
    "zypper": (("zypper", "--non-interactive", "install"),),
}

# (file, value that forbids, remedy); see the kernel's Documentation/admin-guide/sysctl and Ubuntu's AppArmor notes.
_NAMESPACE_SWITCHES = (
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "run `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` as root, or give bwrap an AppArmor profile",
    ),
    ("kernel/unprivileged_userns_clone", "0", "run `sysctl -w kernel.unprivileged_userns_clone=1` as root"),
    ("user/max_user_namespaces", "0", "run `sysctl -w user.max_user_namespaces=15000` as root"),
)
_NAMESPACES_OF_A_CONTAINER = (
    "allow user namespaces; inside a container this means starting it with a seccomp and AppArmor profile that permits "
    "them (for example `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that the system's package manager brings.

    `thing` is what people call it, `command` its name on PATH, `package` and `debian_package` what to install.
    """

    thing: str
    command: str
    package: str
    debian_package: str


BUBBLEWRAP = Program(thing="bubblewrap", command="bwrap", package="bubblewrap", debian_package="bubblewrap")
SSH_KEYGEN = Program(thing="ssh-keygen", command="ssh-keygen", package="openssh", debian_package="openssh-client")
SOFTHSM = Program(thing="SoftHSM 2", command="softhsm2-util", package="softhsm", debian_package="softhsm2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Facts about this machine.

    `sandbox_fault` is empty when bubblewrap really started a program in fresh namespaces, or when it is not there yet
    and nothing says that it would fail. `missing` are the needed programs that are not there, `installation` the
    commands that install them, none when set-up may not install packages.
    """

    python: tuple[int, int]
    has_venv: bool
    system: str
    architecture: str
    has_git: bool
    missing: tuple[Program, ...]
    installation: tuple[tuple[str, ...], ...]
    sandbox_fault: str
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One thing that is missing, and what to do about it."""

    thing: str
    remedy: str


def inspect_machine(root: Path, programs: Sequence[Program]) -> Machine:
    """Look at this machine, which needs these programs; starts a few, changes and downloads nothing."""
    missing = tuple(program for program in programs if shutil.which(program.command) is None)
    return Machine(
        python=(sys.version_info.major, sys.version_info.minor),
        has_venv=all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
        system=platform.system(),
        architecture=platform.machine(),
        has_git=shutil.which("git") is not None,
        missing=missing,
        installation=_installation(missing) if missing else (),
        sandbox_fault=find_sandbox_fault(),
        free_bytes=shutil.disk_usage(root).free,
    )


def find_lacks(machine: Machine, *, needed_bytes: int) -> Sequence[Lack]:
    """Everything that stands in the way of set-up; `needed_bytes` is the disk space that is still to be filled."""
    checks = (
        (
            machine.system == "Linux" and machine.architecture == "x86_64",
            f"Linux on x86_64 (this is {machine.system} on {machine.architecture})",
            "use such a machine: the locked Go toolchain of the demonstration is built for it",
        ),
        (machine.python >= _OLDEST_PYTHON, "Python 3.11 or later", "install it, or name one: PYTHON=... ./setup"),
        (
            machine.has_venv,
            "Python's venv and ensurepip modules",
            f"install the package python{machine.python[0]}.{machine.python[1]}-venv (Debian, Ubuntu) or its like",
        ),
        (machine.has_git, "git", "install the package git"),
        *((bool(machine.installation), program.thing, _remedy(program)) for program in machine.missing),
        (not machine.sandbox_fault, "user namespaces that bubblewrap can use", machine.sandbox_fault),
        (
            machine.free_bytes >= needed_bytes,
            f"{needed_bytes / _GIB:.0f} GiB of free disk space (there are {machine.free_bytes / _GIB:.1f})",
            "make room, or clone to another disk",
        ),
    )
    return [Lack(thing=thing, remedy=remedy) for holds, thing, remedy in checks if not holds]


def find_sandbox_fault(proc_sys: Path = Path("/proc/sys")) -> str:
    """Start a program in fresh namespaces, the way the builder does, and return why that failed and its remedy.

    Without bubblewrap the same is tried with `unshare`, so that the fault is known before anything is installed.
    """
    tried = _command_in_fresh_namespaces()
    if tried is None:
        return ""
    result = subprocess.run(tried, capture_output=True, check=False, text=True, errors="replace", timeout=60)
    if result.returncode == 0:
        return ""
    remedy = namespace_remedy(proc_sys)
    return f"{remedy} ({Path(tried[0]).name} said: {result.stderr.strip()[:200]})"


def find_softhsm() -> Path | None:
    """The PKCS#11 module of SoftHSM, where the distributions put it."""
    return next((path for path in _SOFTHSM_PLACES if path.is_file()), None)


def namespace_remedy(proc_sys: Path) -> str:
    """The remedy that the kernel's switches below `proc_sys` call for."""
    for name, forbids, remedy in _NAMESPACE_SWITCHES:
        switch = proc_sys / name
        if switch.is_file() and switch.read_text(encoding="ascii").strip() == forbids:
            return remedy
    return _NAMESPACES_OF_A_CONTAINER


def _command_in_fresh_namespaces() -> list[str] | None:
    true = shutil.which("true") or "/bin/true"
    bwrap = shutil.which("bwrap")
    if bwrap:
        mounts = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
        return [bwrap, "--unshare-all", "--die-with-parent", *mounts, true]
    unshare = shutil.which("unshare")
    return [unshare, "--user", "--map-root-user", "--net", "--mount", true] if unshare else None


def _remedy(program: Program) -> str:
    other = f" ({program.debian_package} on Debian, Ubuntu)" if program.debian_package != program.package else ""
    return (
        f"install the package {program.package}{other} as root (set-up may not: neither root nor `sudo -n` works here)"
    )


def _installation(missing: Sequence[Program]) -> tuple[tuple[str, ...], ...]:
    prefix = _prefix_of_root()
    manager = next((name for name in _PACKAGE_MANAGERS if shutil.which(name)), None)
    if prefix is None or manager is None:
        return ()
    packages = [program.debian_package if manager == "apt-get" else program.package for program in missing]
    *before, last = _PACKAGE_MANAGERS[manager]
    return tuple((*prefix, *command) for command in (*before, (*last, *packages)))


def _prefix_of_root() -> tuple[str, ...] | None:
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False, timeout=60).returncode == 0:
        return (sudo, "-n")
    return None
