"""The large parts of a decision, its document and its report, as they are sent and stored."""

import threading
import zlib
from dataclasses import dataclass, field

from assay.domain.digest import Digest

LARGEST_DOCUMENT = 256 * 1024 * 1024
SMALL_STREAM = 64 * 1024
"""Streams up to this length are remembered: decisions about one image have most of their contents in common."""

_COMPRESSION = 1
_REMEMBERED = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """A document as it is stored: the digest and size of its bytes, and these as a zlib stream."""

    digest: Digest
    size: int
    octets: bytes = field(repr=False)


class Compressor:
    """Compresses documents, fast rather than small, and those that come again once; any thread may use it."""

    def __init__(self) -> None:
        self._known: dict[Digest, Compressed] = {}
        self._lock = threading.Lock()

    def compress(self, content: bytes) -> Compressed:
        """The document as it is stored."""
        digest = Digest.of(content)
        known = self._known.get(digest)
        if known is None:
            known = Compressed(digest=digest, size=len(content), octets=zlib.compress(content, _COMPRESSION))
            if len(known.octets) <= SMALL_STREAM:
                self._remember(known)
        return known

    def _remember(self, fresh: Compressed) -> None:
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[fresh.digest] = fresh


def decompress(stream: bytes) -> bytes | None:
    """The content of a zlib stream, None when it is damaged, cut short, followed by more, or too large."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(stream, LARGEST_DOCUMENT)
    except zlib.error:
        return None
    return content if inflater.eof and not inflater.unused_data else None
