"""What holds for every test: no network beyond loopback, no clock luck."""

import errno
import ipaddress
import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.confined import PROMISE

# Repeatable by default; `--hypothesis-profile=explore` looks for new examples.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("repeatable")


def is_loopback(host: object) -> bool:
    """Whether a host, as it is given to a socket, stays on this machine."""
    text = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return text == "localhost" or text.endswith(".localhost")


def refuse_beyond_loopback(event: str, arguments: tuple[object, ...]) -> None:
    """Fail like a machine without a network does (an audit hook: it sees every socket of this process)."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(address[0]):
            raise OSError(errno.ENETUNREACH, f"tests reach loopback only, not {address[0]}")
    elif event == "socket.getaddrinfo" and not is_loopback(arguments[0]) and not _is_address(arguments[0]):
        raise socket.gaierror(socket.EAI_AGAIN, f"tests resolve no names, not even {arguments[0]!r}")


def _is_address(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return True


def pytest_configure() -> None:
    """Hold the runner to the confined network that it promised; where it promised none, guard this process.

    The guard is Python code that also runs when a thread sets its trace function, where CPython 3.11 gives way to
    another thread that does the same and then refuses one of them: it is not for runs that measure coverage.
    """
    os.environ["DOCKER_CONFIG"] = "/nonexistent"  # no test depends on where its user is logged in
    interfaces = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text("ascii").splitlines()[2:]]
    if os.environ.get(PROMISE) != "loopback":
        sys.addaudithook(refuse_beyond_loopback)
    elif interfaces != ["lo"]:
        raise pytest.UsageError(f"{PROMISE}=loopback, but there are the interfaces {', '.join(interfaces)}")
