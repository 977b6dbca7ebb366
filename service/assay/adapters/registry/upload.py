"""Uploading a blob into an open session: in one piece or in chunks, going on where an interruption left it.

OCI distribution specification 1.1, "pushing blobs".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assay.adapters.registry.blob_source import BlobSource
from assay.adapters.registry.claimed_digest import check_claim
from assay.adapters.registry.exchange import Answer, Exchange, resolve_location, same_host
from assay.adapters.registry.transport import Interrupted
from assay.domain.errors import Unavailable

_MOST_INTERRUPTIONS = 3
_CAP = 64 * 1024
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A stretch of a blob as a request body."""

    source: BlobSource
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return self.source.read(self.start, self.end)


@dataclass(slots=True, kw_only=True)
class BlobUpload:
    """One upload session; `send` carries an exchange, `exists` asks whether the registry has the blob by now.

    `whole` is the largest size sent in one piece, and the size of a chunk unless the registry wants larger ones. The
    session is finished only with bytes that `source` found to have its digest.
    """

    source: BlobSource
    what: str
    send: Callable[[Exchange], Answer]
    exists: Callable[[], bool]
    whole: int
    _url: str = ""
    _sent: int = 0
    _chunk: int = 0

    def run(self, start: str, begun: Answer) -> None:
        """Upload everything, given the answer (202) that opened the session.

        Asks where the session stands when it was interrupted or the registry is elsewhere (416), three times at most.
        Raises what `send` raises, and `Unavailable(registry_unavailable)` for a session that leads nowhere.
        """
        self._move(start, begun)
        wanted = begun.headers.get("OCI-Chunk-Min-Length", "")
        self._chunk = max(self.whole, int(wanted) if wanted.isdecimal() and len(wanted) < 12 else 0)
        in_pieces = self.source.size > self._chunk
        for attempt in range(_MOST_INTERRUPTIONS + 1):
            try:
                if self._send_all(in_pieces=in_pieces):
                    return
            except Interrupted:
                if attempt == _MOST_INTERRUPTIONS:
                    raise
            in_pieces = True
            if self._ask():
                return
        raise self._nowhere("it never says where it stands")

    def _send_all(self, *, in_pieces: bool) -> bool:
        """Send what is left; False when the registry stands elsewhere than we thought."""
        while in_pieces and self._sent < self.source.size:
            answer = self._send_chunk()
            if answer.status == 416:
                return False
            self._move(self._url, answer)
            self._sent = self._position(answer)
        rest = None if in_pieces else _Part(source=self.source, start=0, end=self.source.size)
        separator = "&" if "?" in self._url else "?"
        headers = {"Content-Type": "application/octet-stream"}
        url = f"{self._url}{separator}digest={self.source.digest}"
        request = Exchange(method="PUT", url=url, expected=frozenset({201}), cap=_CAP, headers=headers, body=rest)
        check_claim(self.send(request), self.source.digest, what=self.what)
        return True

    def _send_chunk(self) -> Answer:
        end = min(self._sent + self._chunk, self.source.size)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{self._sent}-{end - 1}",
        }
        return self.send(
            Exchange(
                method="PATCH",
                url=self._url,
                expected=frozenset({202, 416}),
                cap=_CAP,
                headers=headers,
                body=_Part(source=self.source, start=self._sent, end=end),
            )
        )

    def _ask(self) -> bool:
        """Ask where the session stands; True when it is over because the registry has the blob."""
        answer = self.send(Exchange(method="GET", url=self._url, expected=frozenset({204, 404}), cap=_CAP))
        if answer.status == 404:
            if self.exists():
                return True
            raise self._nowhere("the session is gone")
        self._move(self._url, answer)
        self._sent = self._position(answer)
        return False

    def _position(self, answer: Answer) -> int:
        """How many bytes the registry has; `0-0` is what it says for none."""
        text = answer.headers.get("Range", "0-0")
        found = _RANGE.fullmatch(text)
        last = int(found[1]) if found else self.source.size
        if last >= self.source.size:
            raise self._nowhere(f"it stands at {text[:40]!r}")
        return last + 1 if last else 0

    def _move(self, url: str, answer: Answer) -> None:
        location = answer.headers.get("Location", "")
        target = resolve_location(url, location) if location or not self._url else self._url
        if target is None or not same_host(url, target):
            raise self._nowhere("it names no usable place on its own host to upload to")
        self._url = target

    def _nowhere(self, why: str) -> Unavailable:
        return Unavailable(
            "registry_unavailable",
            f"{self.what}: the upload leads nowhere: {why}",
            remedy="repeat the call when the registry is well",
        )
