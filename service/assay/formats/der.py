"""DER (X.690), strictly: one spelling for every value."""

import re
from dataclasses import dataclass, field

from assay.domain.errors import InvalidInput

SEQUENCE = 0x30
SET = 0x31
INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
GENERALIZED_TIME = 0x18

_SPELLINGS = {
    INTEGER: re.compile(rb"\x00[\x80-\xff].*|\xff[\x00-\x7f].*|[^\x00\xff].*|.", re.DOTALL),
    OBJECT_IDENTIFIER: re.compile(rb"(?:(?:[\x81-\xff][\x80-\xff]*)?[\x00-\x7f])+", re.DOTALL),
}
_HIGH_TAG = 0x1F
_LONG_FORM = 0x80
_MOST_LENGTH_OCTETS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element: its tag, its content, and all of its bytes."""

    tag: int
    content: bytes = field(repr=False)
    raw: bytes = field(repr=False)

    def members(self, *, most: int = 64) -> list["Element"]:
        """The elements that the content consists of, at most so many."""
        return read_elements(self.content, most=most)


def read_elements(octets: bytes, *, most: int = 64) -> list[Element]:
    """Read the elements that these bytes consist of, one after the other.

    Guaranteed: definite lengths, integers and object identifiers in their shortest form, tags of one byte, nothing
    left over. Raises `InvalidInput(der_malformed)`.
    """
    elements = read_leading(octets, count=most)
    if sum(len(element.raw) for element in elements) != len(octets):
        raise _malformed(f"more than {most} elements")
    return elements


def read_leading(octets: bytes, *, count: int) -> list[Element]:
    """Read the first elements, at most so many, with the guarantees of `read_elements`; what follows is not read."""
    elements: list[Element] = []
    position = 0
    while position < len(octets) and len(elements) < count:
        element = _read_element(octets, position)
        elements.append(element)
        position += len(element.raw)
    return elements


def _read_element(octets: bytes, start: int) -> Element:
    if len(octets) - start < 2:
        raise _malformed("an element is cut off")
    tag, length = octets[start], octets[start + 1]
    content = start + 2
    if tag & _HIGH_TAG == _HIGH_TAG:
        raise _malformed("a tag has more than one byte")
    if length >= _LONG_FORM:
        count = length - _LONG_FORM
        length = int.from_bytes(octets[content : content + count], "big")
        if not 0 < count <= _MOST_LENGTH_OCTETS or length < _LONG_FORM or length >> (8 * (count - 1)) == 0:
            raise _malformed("a length is not in its shortest form")
        content += count
    end = content + length
    if end > len(octets):
        raise _malformed("an element is cut off")
    spelling = _SPELLINGS.get(tag)
    if spelling is not None and spelling.fullmatch(octets, content, end) is None:
        raise _malformed("a number is not in its shortest form")
    return Element(tag=tag, content=octets[content:end], raw=octets[start:end])


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("der_malformed", f"the DER cannot be read: {why}", remedy="encode it again, in DER")
