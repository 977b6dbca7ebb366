"""A web server takes up new certificate files while it serves."""

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.loopback_certificate import write_loopback_certificate
from tests.fakes.web_server import WebServer, ask, web_server
from tests.fixtures.polling import eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebServer]:
    with web_server(tmp_path, tls=True) as running:
        yield running


def served(server: WebServer) -> str:
    """The certificate that a new connection meets."""
    return ssl.get_server_certificate(("127.0.0.1", server.port))


def replace_files(server: WebServer, folder: Path) -> str:
    folder.mkdir()
    chain, key = write_loopback_certificate(folder)
    assert server.options.tls is not None
    shutil.copy(key, server.options.tls.key)
    shutil.copy(chain, server.options.tls.certificate)
    return chain.read_text()


def test_a_new_certificate_is_served_and_old_connections_live_on(server: WebServer, tmp_path: Path) -> None:
    old = server.client()
    before = ask(old)
    wanted = replace_files(server, tmp_path / "new")
    eventually(lambda: served(server).strip() == wanted.strip(), "the new certificate")
    assert ask(old)["warnings"] == before["warnings"] == []
    assert server.ask()["read"] == 0
    old.close()


def test_a_broken_file_keeps_the_old_certificate_and_warns_until_it_is_mended(
    server: WebServer, tmp_path: Path
) -> None:
    old = server.client()
    before, tls = served(server), server.options.tls
    assert tls is not None
    tls.certificate.write_text("-----BEGIN CERTIFICATE-----\n")
    eventually(lambda: bool(ask(old)["warnings"]), "the warning")
    assert "cannot be used" in ask(old)["warnings"][0]
    assert served(server) == before
    wanted = replace_files(server, tmp_path / "new")
    eventually(lambda: served(server).strip() == wanted.strip(), "the new certificate")
    assert ask(old)["warnings"] == []
    old.close()
