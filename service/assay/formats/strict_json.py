"""Strict JSON: one meaning for every document.

`json` alone accepts duplicate keys, NaN and a byte order mark, and recurses as deep as the input asks. A document that
two readers understand differently is how evidence is smuggled, so all of that is refused here.
"""

import json
import math
import re
from typing import NoReturn

from assay.domain.errors import InvalidInput

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STRUCTURE = re.compile(rb"[{\[,:]")
_LARGEST_INTEGER = 2**63 - 1


def parse_json(octets: bytes, *, what: str, largest: int, depth: int = 64, structure: int = 5_000_000) -> object:
    """Parse one JSON document from UTF-8 bytes.

    Guaranteed: at most `largest` bytes, `depth` levels of nesting and `structure` structural characters were read; no
    duplicate key at any level; no NaN, Infinity, byte order mark, lone surrogate or trailing bytes; integers within
    +-(2^63 - 1). Raises `InvalidInput(json_too_large)` or `InvalidInput(json_malformed)`, naming `what`.
    """
    if len(octets) > largest:
        raise InvalidInput(
            "json_too_large", f"{what} has {len(octets)} bytes, more than {largest}", remedy="send a smaller document"
        )
    _measure(octets, what=what, depth=depth, structure=structure)
    try:
        document: object = json.loads(
            octets.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_int=_integer_in_range,
            parse_float=_finite_number,
        )
    except (ValueError, RecursionError) as error:
        raise _malformed(what, str(error)) from error
    return document


def _measure(octets: bytes, *, what: str, depth: int, structure: int) -> None:
    if len(_STRUCTURE.findall(octets)) > structure:
        raise InvalidInput(
            "json_too_large",
            f"{what} has more than {structure} structural characters",
            remedy="send a smaller document",
        )
    level = 0
    for mark in re.findall(rb"[{}\[\]]", _STRING.sub(b"", octets)):
        level += 1 if mark in {b"{", b"["} else -1
        if level > depth:
            raise _malformed(what, f"it is nested deeper than {depth} levels")


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput("json_malformed", f"{what} is not strict JSON: {why[:200]}", remedy="send one valid document")


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"the key {key[:100]!r} occurs twice")
        _refuse_surrogates(key)
        if isinstance(value, str):
            _refuse_surrogates(value)
        members[key] = value
    return members


def _refuse_surrogates(text: str) -> None:
    text.encode("utf-8")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer_in_range(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > _LARGEST_INTEGER:
        raise ValueError("an integer is out of range")
    return int(text)


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
