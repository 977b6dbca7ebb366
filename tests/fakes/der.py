"""DER (X.690), written by hand: enough for timestamp tokens, SCT lists and what is deliberately wrong in them."""

from datetime import datetime


def tlv(tag: int, *contents: bytes) -> bytes:
    """One element of any tag."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*members: bytes) -> bytes:
    return tlv(0x30, *members)


def set_of(*members: bytes) -> bytes:
    """A SET OF with its members in DER order."""
    return tlv(0x31, *sorted(members))


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octet_string(octets: bytes) -> bytes:
    return tlv(0x04, octets)


def utf8_string(text: str) -> bytes:
    return tlv(0x0C, text.encode())


def null() -> bytes:
    return tlv(0x05)


def explicit(number: int, *contents: bytes) -> bytes:
    """Context-specific and constructed: an explicit tag, or an implicit one of a constructed type."""
    return tlv(0xA0 | number, *contents)


def object_identifier(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(0x06, *(_base128(arc) for arc in (first * 40 + second, *rest)))


def generalized_time(time: datetime) -> bytes:
    return tlv(0x18, time.strftime("%Y%m%d%H%M%SZ").encode())


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(arc & 0x7F | 0x80)
    return bytes(reversed(octets))
