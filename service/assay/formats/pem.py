"""PEM text (RFC 7468): exactly one block."""

import base64
import re

from assay.domain.errors import InvalidInput
from assay.formats.base64text import decode_base64

_LARGEST = 64 * 1024
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n([A-Za-z0-9+/=\r\n]*)-----END \1-----", re.ASCII)


def decode_pem(octets: bytes, *, what: str) -> tuple[str, bytes]:
    """Decode one block into its label and its bytes.

    Refused, with `InvalidInput(key_malformed)` naming `what`: more than 64 KiB, several blocks, headers, text around
    the block. The content is never repeated in the message.
    """
    text = octets[: _LARGEST + 1].decode("ascii", errors="replace").strip()
    block = _BLOCK.fullmatch(text)
    if len(octets) > _LARGEST or block is None:
        raise InvalidInput(
            "key_malformed", f"{what} is not a PEM file", remedy="give a file with exactly one PEM block"
        )
    label, body = block.groups()
    return label, decode_base64("".join(body.split()), what=what, code="key_malformed")


def encode_pem(label: str, octets: bytes) -> bytes:
    """Encode one block, 64 characters to a line."""
    text = base64.b64encode(octets)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join([f"-----BEGIN {label}-----".encode(), *lines, f"-----END {label}-----".encode(), b""])
