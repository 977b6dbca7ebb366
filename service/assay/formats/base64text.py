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
        octets = binascii.a2b_base64(text.encode("ascii"))
    except (binascii.Error, UnicodeEncodeError):
        octets = b""
    if encode_base64(octets) != text:
        raise InvalidInput(code, f"{what} is not base64", remedy="write standard base64 with padding, without blanks")
    return octets


def encode_base64(octets: bytes) -> str:
    """Standard base64 with padding, on one line."""
    return base64.b64encode(octets).decode("ascii")
