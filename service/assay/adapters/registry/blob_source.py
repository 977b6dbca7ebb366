"""Where the bytes of a blob that is pushed come from, and that they are the bytes they should be."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from assay.adapters.registry.claimed_digest import mismatch
from assay.adapters.registry.exchange import Pieces
from assay.domain.descriptor import Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable

_PIECE = 256 * 1024
_SNAPSHOT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBlob:
    """The bytes of a blob from a position on, unchecked."""

    start: int
    pieces: Pieces


Open = Callable[[int], OpenedBlob]
"""Opens a blob at a position, or at its beginning where only that is possible."""


class BlobSource(Protocol):
    """A blob that can be read from any position, again and again, by one thread."""

    @property
    def digest(self) -> Digest:
        """The digest that its bytes have."""
        ...

    @property
    def size(self) -> int:
        """The number of its bytes."""
        ...

    def read(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """The bytes from `start` up to `end`; its last byte is handed out only when the digest is right."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBlob:
    """A blob in memory; `digest` was computed over it."""

    content: bytes = field(repr=False)
    digest: Digest

    @property
    def size(self) -> int:
        """The number of its bytes."""
        return len(self.content)

    def read(self, start: int, end: int) -> Iterator[memoryview]:
        """The bytes from `start` up to `end`, not copied."""
        view = memoryview(self.content)[start:end]
        for at in range(0, len(view), _PIECE):
            yield view[at : at + _PIECE]


class StreamedBlob:
    """A blob that comes from elsewhere and is never held whole; `open_at` is called when its bytes are wanted.

    Whoever reads it from beginning to end gets its last byte only when there are exactly as many bytes as the
    descriptor says and they have its digest. Raises `InvalidInput(digest_mismatch)`, and what `open_at` raises.
    """

    def __init__(self, descriptor: Descriptor, open_at: Open, *, what: str) -> None:
        self._descriptor = descriptor
        self._open_at = open_at
        self._what = what
        self._snapshots = {0: hashlib.sha256()}
        self._pieces: Pieces | None = None
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._rest = memoryview(b"")
        if not descriptor.size:
            self._finish()

    @property
    def digest(self) -> Digest:
        """The digest that its bytes have to have."""
        return self._descriptor.digest

    @property
    def size(self) -> int:
        """The number of bytes that there have to be."""
        return self._descriptor.size

    def read(self, start: int, end: int) -> Iterator[memoryview]:
        """The bytes from `start` up to `end`; going back opens the blob again."""
        if self._pieces is None or start != self._position:
            self._go_to(start)
        while self._position < end:
            yield self._take(end - self._position)

    def close(self) -> None:
        """Stop reading; what is read after this is opened again."""
        if self._pieces is not None:
            self._pieces.close()
            self._pieces = None

    @property
    def _position(self) -> int:
        return self._hashed - len(self._rest)

    def _go_to(self, start: int) -> None:
        """Begin where the digest is known up to, and let go of what lies before `start`."""
        self.close()
        opened = self._open_at(max(at for at in self._snapshots if at <= start))
        self._hash, self._hashed, self._rest = self._snapshots[opened.start].copy(), opened.start, memoryview(b"")
        self._pieces = opened.pieces
        while self._position < start:
            self._take(start - self._position)

    def _take(self, most: int) -> memoryview:
        if not self._rest:
            self._rest = memoryview(self._fetch())
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece

    def _fetch(self) -> bytes:
        try:
            piece = next(self._pieces, b"") if self._pieces is not None else b""
        except Unavailable:
            self.close()
            raise
        self._hash.update(piece)
        self._hashed += len(piece)
        if not piece or self._hashed > self.size:
            raise mismatch(self._what, f"{self._hashed} bytes instead of {self.size}")
        if self._hashed == self.size:
            self._finish()
        elif self._hashed - max(self._snapshots) >= _SNAPSHOT:
            self._snapshots[self._hashed] = self._hash.copy()
        return piece

    def _finish(self) -> None:
        if self._pieces is not None and next(self._pieces, b""):
            raise mismatch(self._what, f"more than {self.size} bytes")
        if self._hash.hexdigest() != self.digest.hex:
            raise mismatch(self._what, f"sha256:{self._hash.hexdigest()}")
