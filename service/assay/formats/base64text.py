"""Base64 text (RFC 4648, section 4), in one spelling only."""

import base64
import binascii

from assay.domain.errors import InvalidInput


def decode_base64(text: str, *, what: str, code: str) -> bytes:
    """Decode standard base64 with padding.

    URL-safe letters, white space, missing padding and non-zero trailing bits are refused: one value has one text.
    Raises `InvalidInput` with `code`, naming `what`.
    """
    try:
        octets = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        octets = b""
    # Only the last group has several spellings (its unused bits); everything before it has been read strictly.
    last = octets[(len(octets) - 1) // 3 * 3 :] if octets else b""
    if len(text) != (len(octets) + 2) // 3 * 4 or not text.endswith(encode_base64(last)):
        raise InvalidInput(code, f"{what} is not base64", remedy="write standard base64 with padding, without blanks")
    return octets


def encode_base64(octets: bytes) -> str:
    """Standard base64 with padding, on one line."""
    return base64.b64encode(octets).decode("ascii")
