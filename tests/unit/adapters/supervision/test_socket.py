"""Listening sockets: on a free port, or in a file that nobody else can use."""

import socket
import stat
from pathlib import Path

import pytest

from assay.adapters.supervision.socket import listen_on


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_port_0_takes_a_free_one_that_children_inherit(host: str, family: socket.AddressFamily) -> None:
    with listen_on(host=host) as listener:
        address, port = listener.getsockname()[:2]
        assert (listener.family, address, listener.get_inheritable()) == (family, host, True)
        with socket.create_connection((host, port), timeout=5):
            pass


def test_a_unix_socket_is_its_owners_alone_and_replaces_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "assay.sock"
    listen_on(unix_path=path).close()
    with listen_on(unix_path=path) as listener, socket.socket(socket.AF_UNIX) as client:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        client.connect(str(path))
        assert listener.getsockname() == str(path)


def test_an_address_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with listen_on(host="127.0.0.1") as first, pytest.raises(OSError, match="in use"):
        listen_on(host="127.0.0.1", port=first.getsockname()[1])
    with pytest.raises(OSError, match="No such file"):
        listen_on(unix_path=tmp_path / "gone" / "assay.sock")
