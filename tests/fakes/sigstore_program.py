"""The small services of a private Sigstore in a process of its own: `sigstore_program.py FOLDER`.

OIDC provider (`/`, tokens from `/tokens/mail` and `/tokens/job`), certificate transparency log (`/ct`), Rekor v1
(`/api`) and the read side of a tiled log, the files below FOLDER/tiles (`/tiles`). FOLDER/url is written last: from
then on every one of them answers.
"""

import json
import sys
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.certificate import FakeCtLog
from tests.fakes.oidc import FakeOidcProvider
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.submission import FakeRekor, promise_certificate
from tests.fakes.transparency import Json

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Server(ThreadingHTTPServer):
    """The services and what they share."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        world = FakeSigstore()
        self.provider = FakeOidcProvider(url=f"http://127.0.0.1:{self.server_port}")
        self.ct_log: FakeCtLog = world.ct_log
        self.rekor = FakeRekor(log=world.log)
        self.lock = Lock()


class Handler(SimpleHTTPRequestHandler):
    """One request, one connection."""

    server: Server

    def end_headers(self) -> None:
        self.send_header("Connection", "close")
        super().end_headers()

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        parameters = dict(parse_qsl(asked.query))
        document = self.server.provider.find_document(asked.path)
        if document is not None:
            self._answer(200, document)
        elif asked.path == "/tokens/mail":
            self._answer(200, {"token": self.server.provider.sign_mail(**parameters)})
        elif asked.path == "/tokens/job":
            self._answer(200, {"token": self.server.provider.sign_job(**parameters)})
        elif asked.path.startswith("/tiles/"):
            super().do_GET()
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        submitted: Json = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/ct/ct/v1/add-pre-chain":
            self._answer(200, promise_certificate(self.server.ct_log, submitted))
            return
        with self.server.lock:
            entry = self.server.rekor.add(submitted)
        (uuid,) = entry
        self._answer(201, entry, {"Location": f"{self.path}/{uuid}", "ETag": uuid})

    def _answer(self, status: int, document: Json, headers: Mapping[str, str] = NO_HEADERS) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until the end."""
    folder = Path(sys.argv[1])
    server = Server(folder)
    written = folder / "url.new"
    written.write_text(server.provider.url)
    written.rename(folder / "url")
    server.serve_forever()


if __name__ == "__main__":
    main()
