"""Rekor 1 and 2 and a timestamp authority of a fake Sigstore, on one web server."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from assay.domain.limit import Limits
from assay.formats.bundle import Vouchers
from assay.formats.der import read_elements
from assay.formats.signing_config import Service
from assay.formats.trusted_root import TrustedPeriod
from assay.verification.log_body import LoggedSignature
from assay.verification.log_submission import parse_entry, render_submission
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.submission import FakeRekor
from tests.fakes.transparency import Json, b64

LOGS = {1: "/log", 2: "/tiles"}


@dataclass
class FakeServices:
    """The services by address, and the paths that were asked for."""

    world: FakeSigstore
    url: str = ""
    seen: list[str] = field(default_factory=list)

    def log(self, version: int) -> Service:
        return Service(url=self.url + LOGS[version], version=version, operator="t", period=TrustedPeriod())

    @property
    def tsa(self) -> Service:
        return Service(url=f"{self.url}/tsa", version=1, operator="t", period=TrustedPeriod())

    def answer(self, path: str, body: bytes) -> bytes:
        self.seen.append(path)
        match path:
            case "/tsa":
                return stamp_request(self.world, body)
            case "/log/api/v1/log/entries":
                return json.dumps(FakeRekor(log=self.world.log).add(json.loads(body))).encode()
            case _:
                return json.dumps(enter_tiles(self.world, json.loads(body))).encode()


def stamp_request(world: FakeSigstore, body: bytes) -> bytes:
    """The answer to a timestamp query (RFC 3161, section 2.4.1)."""
    (request,) = read_elements(body)
    imprint = request.members()[1].members()[1].content
    nobody = hashlib.sha256(b"").digest()
    return world.tsa.stamp(
        b"", at=datetime.now(UTC).replace(microsecond=0), content=lambda c: c.replace(nobody, imprint)
    )


def enter_tiles(world: FakeSigstore, submitted: Json) -> Json:
    """The entry that a log of generation 2 makes of a submission."""
    asked = submitted["hashedRekordRequestV002"]
    algorithm = {32: "SHA2_256", 48: "SHA2_384", 64: "SHA2_512"}[len(base64.b64decode(asked["digest"]))]
    data = {"algorithm": algorithm, "digest": b64(base64.b64decode(asked["digest"]))}
    spec = {"hashedRekordV002": {"data": data, "signature": asked["signature"]}}
    return world.tiles.enter({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})


class OwnWitness:
    """A log of generation 1 without a server; implements the port `Witness`."""

    def vouch(self, logged: LoggedSignature) -> Vouchers:
        answer = FakeRekor(log=FakeSigstore().log).add(json.loads(render_submission(logged, version=1)))
        entry = parse_entry(json.dumps(answer).encode(), version=1, limits=Limits())
        return Vouchers(log_entries=(entry,))


@contextmanager
def vouching(world: FakeSigstore) -> Iterator[FakeServices]:
    """Serve the services of a world."""
    services = FakeServices(world=world)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the parent's
            """Stay quiet."""

        def do_POST(self) -> None:
            answer = services.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(201)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    services.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield services
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
