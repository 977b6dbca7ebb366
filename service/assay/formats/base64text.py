"""Base64 text (RFC 4648, section 4), in one spelling only."""

import base64
import binascii

from assay.domain.errors import InvalidInput

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LAST_LETTERS = {0: "", 2: _LETTERS[::16], 3: _LETTERS[::4], 4: _LETTERS}
"""What the last group may end with, by its number of letters: those whose unused bits are zero."""


def decode_base64(text: str | memoryview, *, what: str, code: str) -> bytes:
    """Decode standard base64 with padding, from text or from the bytes of a text.

    URL-safe letters, white space, missing padding and non-zero trailing bits are refused: one value has one text.
    Raises `InvalidInput` with `code`, naming `what`.
    """
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        octets = b""
    # Only the last letter before padding has several spellings, by its unused bits: the rest has been read strictly.
    last = (text[-4:] if isinstance(text, str) else str(text[-4:], "latin-1")).rstrip("=")
    if len(text) != (len(octets) + 2) // 3 * 4 or last[-1:] not in _LAST_LETTERS[len(last)]:
        raise InvalidInput(code, f"{what} is not base64", remedy="write standard base64 with padding, without blanks")
    return octets


def encode_base64(octets: bytes) -> str:
    """Standard base64 with padding, on one line."""
    return base64.b64encode(octets).decode("ascii")
