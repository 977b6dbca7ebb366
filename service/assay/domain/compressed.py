"""The large parts of a decision, its documents and its report, as they are kept, sent and stored."""

import zlib
from dataclasses import dataclass, field
from typing import Self

from assay.domain.digest import Digest

_LARGEST = 256 * 1024 * 1024
_COMPRESSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """A document as a zlib stream, with the digest and the size of its bytes; those of one digest are equal.

    `of` and `read` make it: they alone guarantee that the stream is of these bytes.
    """

    digest: Digest
    size: int
    stream: bytes = field(repr=False, compare=False)

    @classmethod
    def of(cls, content: bytes) -> Self:
        """The document of these bytes, compressed fast rather than small."""
        return cls(digest=Digest.of(content), size=len(content), stream=zlib.compress(content, _COMPRESSION))

    @classmethod
    def read(cls, stream: bytes) -> Self | None:
        """The document that a stream holds, None where `decompress` finds none."""
        content = decompress(stream)
        return None if content is None else cls(digest=Digest.of(content), size=len(content), stream=stream)

    def content(self) -> bytes:
        """The bytes of the document, made anew with each call."""
        return zlib.decompress(self.stream)


def decompress(stream: bytes) -> bytes | None:
    """The content of a zlib stream, None when it is damaged, cut short, followed by more, or above 256 MiB."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(stream, _LARGEST)
    except zlib.error:
        return None
    return content if inflater.eof and not inflater.unused_data else None
