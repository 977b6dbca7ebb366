"""The real web server around a small application, and clients that are good or bad to it."""

import http.client
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.adapters.supervision.server import ServerOptions, server_command
from assay.adapters.supervision.socket import listen_on
from assay.adapters.supervision.tls import TlsPaths
from tests.fakes.loopback_certificate import write_loopback_certificate

PATIENCE = 60.0
OPTIONS = ServerOptions(
    workers=1, threads=2, read_seconds=60, lame_duck_seconds=0, graceful_seconds=30, most_octets=1_000_000
)


@dataclass
class WebServer:
    """A server on a socket that outlives it."""

    folder: Path
    listener: socket.socket
    options: ServerOptions
    program: str = "tests.fakes.web_program:application"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def start(self) -> subprocess.Popen[bytes]:
        metrics = self.folder / "metrics"
        metrics.mkdir(exist_ok=True)
        command = server_command(self.program, self.listener.fileno(), self.options)
        with (self.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(metrics)},
                pass_fds=(self.listener.fileno(),),
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def connect_securely(self) -> ssl.SSLSocket:
        assert self.options.tls is not None
        context = ssl.create_default_context(cafile=self.options.tls.certificate)
        return context.wrap_socket(self.connect(), server_hostname="127.0.0.1")

    def client(self) -> http.client.HTTPConnection:
        """A connection that is kept alive."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.sock = self.connect_securely() if self.options.tls else self.connect()
        return connection

    def ask(self, path: str = "/", body: bytes = b"") -> dict[str, Any]:
        """Ask on a connection of its own."""
        client = self.client()
        try:
            return ask(client, path, body)
        finally:
            client.close()


def ask(client: http.client.HTTPConnection, path: str = "/", body: bytes = b"") -> dict[str, Any]:
    """The document of a 200."""
    client.request("POST", path, body=body)
    answer = client.getresponse()
    octets = answer.read()
    assert answer.status == 200, octets
    document: dict[str, Any] = json.loads(octets)
    return document


def receive_all(sock: socket.socket) -> bytes:
    """Everything until the other side closes."""
    received = b""
    while octets := sock.recv(65536):
        received += octets
    return received


@contextmanager
def web_server(
    folder: Path, *, tls: bool = False, program: str = WebServer.program, **changes: Any
) -> Iterator[WebServer]:
    """A running server of a program."""
    options = replace(OPTIONS, **changes)
    if tls:
        chain, key = write_loopback_certificate(folder)
        options = replace(options, tls=TlsPaths(certificate=chain, key=key))
    with listen_on(host="127.0.0.1", port=0) as listener:
        server = WebServer(folder=folder, listener=listener, options=options, program=program)
        server.start()
        try:
            yield server
        finally:
            for process in server.processes:
                end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Let a server finish, which its workers need to write what they measured; kill it when it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
