"""The names of a client's certificate, read from real connections."""

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from assay.adapters.supervision.peer import certified_names
from assay.adapters.supervision.tls import ReloadingContext, TlsPaths
from tests.fakes.client_certificate import ClientAuthority
from tests.fakes.loopback_certificate import write_loopback_certificate


def names_of(folder: Path, *names: str, shown: bool = True) -> frozenset[str]:
    """What the server of a connection knows of its client."""
    chain, key = write_loopback_certificate(folder)
    authority = ClientAuthority(folder=folder)
    client_ca = authority.write_ca() if shown else None
    server = ReloadingContext(TlsPaths(certificate=chain, key=key, client_ca=client_ca)).context
    client = ssl.create_default_context(cafile=chain)
    client.load_cert_chain(*authority.issue(*names, common_name="gatekeeper.test"))
    ours, theirs = socket.socketpair()
    with ThreadPoolExecutor(1) as pool, ours, theirs:
        shaking = pool.submit(client.wrap_socket, theirs, server_hostname="127.0.0.1")
        with server.wrap_socket(ours, server_side=True) as wrapped, shaking.result():
            return certified_names({"gunicorn.socket": wrapped})


def test_the_dns_names_of_a_verified_certificate_count(tmp_path: Path) -> None:
    assert names_of(tmp_path, "gatekeeper.test", "other.test") == {"gatekeeper.test", "other.test"}


def test_a_common_name_is_no_name(tmp_path: Path) -> None:
    assert names_of(tmp_path) == frozenset()


def test_a_certificate_that_nobody_verified_has_no_names(tmp_path: Path) -> None:
    assert names_of(tmp_path, "gatekeeper.test", shown=False) == frozenset()


def test_a_connection_without_tls_has_no_names() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert certified_names({"gunicorn.socket": ours}) == frozenset()
    assert certified_names({}) == frozenset()
