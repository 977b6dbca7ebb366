"""Long base64 texts of a JSON document, decoded straight from its bytes before the rest is parsed.

A parser would hold such a text twice, and in four bytes to a character when it is written so: a payload of some MiB
would cost several times its size before anybody has looked at the signature.
"""

from dataclasses import dataclass, field

from assay.domain.errors import InvalidInput
from assay.formats.base64text import decode_base64
from assay.formats.strict_json import CUT_MARK

_SHORTEST = 64 * 1024
_ESCAPED_PADDING = b"\\u003d"
"""As Java writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutDocument:
    """A document without its long texts: `rest` has a mark for each of `texts`, in their order."""

    rest: bytes = field(repr=False)
    texts: tuple[bytes, ...] = field(default=(), repr=False)


def cut_long_texts(octets: bytes, *, shortest: int = _SHORTEST) -> CutDocument:
    """Take the long strings that are canonical base64 out of a document.

    Those of at least `shortest` bytes may be taken, those of twice as many are; every other string stays where it is.
    Not checked: that the document is JSON, and that the strings stand where values belong. `parse_json` refuses the
    rest with its marks unless both are true.
    """
    pieces: list[bytes] = []
    texts: list[bytes] = []
    kept = position = 0
    while position + shortest <= len(octets):
        if octets.find(b'"', position, position + shortest) >= 0:
            position += shortest
            continue
        # Some string, or what stands between two of them, goes all the way through.
        begin, end = octets.rfind(b'"', kept, position), octets.find(b'"', position)
        if end < 0:
            break
        text = _decode(octets, begin + 1, end) if begin >= 0 else None
        if text is not None:
            pieces += [octets[kept:begin], CUT_MARK]
            texts.append(text)
            kept = end + 1
        position = end + 1
    rest = b"".join([*pieces, octets[kept:]])
    if not texts or rest.count(CUT_MARK) != len(texts):
        # A mark that was there before could be taken for one of ours.
        return CutDocument(rest=octets)
    return CutDocument(rest=rest, texts=tuple(texts))


def _decode(octets: bytes, begin: int, end: int) -> bytes | None:
    text = memoryview(octets)[begin:end]
    if _ESCAPED_PADDING in bytes(text[-2 * len(_ESCAPED_PADDING) :]):
        text = memoryview(octets[begin:end].replace(_ESCAPED_PADDING, b"="))
    try:
        return decode_base64(text, what="a long text", code="bundle_malformed")
    except InvalidInput:
        return None
