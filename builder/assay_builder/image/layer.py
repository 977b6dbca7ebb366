"""A layer: a tar file that depends on nothing but its entries, and its gzip form."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay_builder.image.rootfs import Entry

COMPRESSOR = "zlib"
COMPRESSION_LEVEL = 6
_BLOCK = 512
_FOLDER, _FILE = b"5", b"0"
_LONGEST_NAME, _LONGEST_PREFIX = 100, 155
_CHECKSUM = slice(148, 156)
_UNKNOWN_SYSTEM = 255
_GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, _UNKNOWN_SYSTEM])


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A gzip-compressed layer: `diff_id` is the digest of the tar file, `content` the compressed bytes."""

    diff_id: Digest
    content: bytes = field(repr=False)


def make_layer(entries: Iterable[Entry], *, epoch: int) -> Layer:
    """Pack entries in the order given, owned by root, with one modification time (seconds since 1970 UTC).

    The same entries give the same bytes with the same zlib. Raises `InvalidInput(image_path_too_long)` for a path
    that plain ustar cannot hold (POSIX.1-1988, "ustar interchange format").
    """
    pieces = []
    for entry in entries:
        content = entry.content or b""
        pieces += [_header(entry, epoch), content, bytes(-len(content) % _BLOCK)]
    tar = b"".join([*pieces, bytes(2 * _BLOCK)])
    return Layer(diff_id=Digest.of(tar), content=compress(tar))


def compress(octets: bytes) -> bytes:
    """Gzip with an empty header: no name, no time, no system (RFC 1952)."""
    deflate = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(octets) + deflate.flush()
    return _GZIP_HEADER + body + struct.pack("<II", zlib.crc32(octets), len(octets) & 0xFFFFFFFF)


def _header(entry: Entry, epoch: int) -> bytes:
    prefix, name = _split(entry.path)
    header = bytearray(
        struct.pack(
            "100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12x",
            name,
            _octal(entry.mode, 8),
            _octal(0, 8),
            _octal(0, 8),
            _octal(len(entry.content or b""), 12),
            _octal(epoch, 12),
            b" " * 8,
            _FOLDER if entry.content is None else _FILE,
            b"",
            b"ustar\0",
            b"00",
            b"",
            b"",
            _octal(0, 8),
            _octal(0, 8),
            prefix,
        )
    )
    header[_CHECKSUM] = _octal(sum(header), 7) + b" "
    return bytes(header)


def _octal(number: int, width: int) -> bytes:
    return f"{number:0{width - 1}o}\0".encode()


def _split(path: str) -> tuple[bytes, bytes]:
    octets = path.encode()
    if len(octets) <= _LONGEST_NAME:
        return b"", octets
    for at in range(len(octets) - _LONGEST_NAME - 1, min(len(octets), _LONGEST_PREFIX + 1)):
        if octets[at : at + 1] == b"/" and at + 1 < len(octets):
            return octets[:at], octets[at + 1 :]
    raise InvalidInput(
        "image_path_too_long",
        f"the path /{path[:200]} does not fit into a layer",
        remedy="choose a shorter path",
    )
