"""A TUF repository of one's own: real signed metadata, served on loopback, every part of which a test can break.

repository = FakeTuf()
with repository.serve() as url: ...
repository.put("trusted_root.json", octets)           # a new target, with everything above it signed again
repository.rotate_root()                              # new root keys, cross-signed
repository.edit("timestamp", lambda signed: ...)      # change and sign again
repository.files["timestamp.json"] = b"..."           # anything else
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from securesystemslib.signer._crypto_signer import CryptoSigner
from tuf.api.metadata import Metadata
from tuf.api.metadata import MetaFile as _MetaFile  # type: ignore[attr-defined]  # re-exported without saying so
from tuf.api.metadata import Root as _Root  # type: ignore[attr-defined]
from tuf.api.metadata import Snapshot as _Snapshot  # type: ignore[attr-defined]
from tuf.api.metadata import TargetFile as _TargetFile  # type: ignore[attr-defined]
from tuf.api.metadata import Targets as _Targets  # type: ignore[attr-defined]
from tuf.api.metadata import Timestamp as _Timestamp  # type: ignore[attr-defined]

ROLES = ("root", "timestamp", "snapshot", "targets")


def _later(days: float = 30) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


@dataclass
class FakeTuf:
    """The repository with its keys.

    `files` are what is served, by path. `status` and `headers` change every answer; `seconds_per_octet` makes bodies
    slow; `endless` paths never stop.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds_per_octet: float = 0
    endless: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    signers: dict[str, CryptoSigner] = field(default_factory=dict)
    roles: dict[str, Metadata[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.signers = {role: CryptoSigner.generate_ed25519() for role in ROLES}
        parts = {"root": _Root, "timestamp": _Timestamp, "snapshot": _Snapshot, "targets": _Targets}
        self.roles = {role: Metadata(kind(expires=_later())) for role, kind in parts.items()}
        root = self.roles["root"].signed
        root.consistent_snapshot = True
        for role, signer in self.signers.items():
            root.add_key(signer.public_key, role)
        self._sign_root(self.signers["root"])
        self.bootstrap = self.files["1.root.json"]
        self._publish()

    def put(self, name: str, octets: bytes, *, served: bytes | None = None) -> None:
        """Publish a target; `served` is what stands in its place when it is not these bytes."""
        target = _TargetFile.from_data(name, octets, ["sha256"])
        self.roles["targets"].signed.targets[name] = target
        folder, _, file = name.rpartition("/")
        path = "/".join(part for part in ("targets", folder, f"{target.hashes['sha256']}.{file}") if part)
        self.files[path] = octets if served is None else served
        self.advance("targets", "snapshot", "timestamp")

    def advance(self, *roles: str) -> None:
        """The next version of these roles."""
        for role in roles:
            self.roles[role].signed.version += 1
        self._publish()

    def edit(self, role: str, change: Callable[[Any], None]) -> None:
        """Change a role's metadata and sign everything again, under the same versions."""
        change(self.roles[role].signed)
        self._publish()

    def rotate_root(self, *, signed_by_old: bool = True) -> None:
        """The next root has another root key; without the old key's signature nobody may follow it."""
        old, new = self.signers["root"], CryptoSigner.generate_ed25519()
        root = self.roles["root"].signed
        root.revoke_key(old.public_key.keyid, "root")
        root.add_key(new.public_key, "root")
        root.version += 1
        self.signers["root"] = new
        self._sign_root(*([old] if signed_by_old else []), new)

    def rotate(self, role: str) -> None:
        """The next root has another key for this role, which signs from now on."""
        root, new = self.roles["root"].signed, CryptoSigner.generate_ed25519()
        root.revoke_key(self.signers[role].public_key.keyid, role)
        root.add_key(new.public_key, role)
        root.version += 1
        self.signers[role] = new
        self._sign_root(self.signers["root"])
        self._publish()

    def expire(self, role: str) -> None:
        """Let a role's metadata have expired a day ago."""
        self.roles[role].signed.version += 1
        self.edit(role, lambda signed: setattr(signed, "expires", _later(-1)))

    def _sign_root(self, *signers: CryptoSigner) -> None:
        document = self.roles["root"]
        document.signatures.clear()
        for signer in signers:
            document.sign(signer, append=True)
        self.files[f"{document.signed.version}.root.json"] = document.to_bytes()

    def _publish(self) -> None:
        targets, snapshot, timestamp = (self.roles[role].signed for role in ("targets", "snapshot", "timestamp"))
        snapshot.meta["targets.json"] = _MetaFile(version=targets.version)
        timestamp.snapshot_meta = _MetaFile(version=snapshot.version)
        for role, name in (
            ("targets", f"{targets.version}.targets.json"),
            ("snapshot", f"{snapshot.version}.snapshot.json"),
            ("timestamp", "timestamp.json"),
        ):
            self.roles[role].signatures.clear()
            self.roles[role].sign(self.signers[role])
            self.files[name] = self.roles[role].to_bytes()

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve the files on a free port; the URL."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        repository = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the parent's
                """Stay quiet."""

            def do_GET(self) -> None:
                path = self.path.removeprefix("/")
                repository.seen.append(path)
                body = repository.files.get(path)
                self.send_response(404 if body is None and repository.status == 200 else repository.status)
                for name, value in repository.headers.items():
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    self._send(path, body or b"")
                except OSError:
                    return

            def _send(self, path: str, body: bytes) -> None:
                while path in repository.endless:
                    self.wfile.write(b" " * 65536)
                if not repository.seconds_per_octet:
                    self.wfile.write(body)
                    return
                for octet in body:
                    self.wfile.write(bytes([octet]))
                    time.sleep(repository.seconds_per_octet)

        return Handler
