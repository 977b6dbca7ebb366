"""Strict JSON: one meaning for every document.

`json` alone accepts duplicate keys, NaN and lone surrogates, and recurses as deep as the input asks. A document that
two readers understand differently is how evidence is smuggled, so all of that is refused here.
"""

import json
import math
import re
from typing import NoReturn

from assay.domain.errors import InvalidInput

_NOT_A_BRACKET = bytes(set(range(256)) - set(b"{}[]"))
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LARGEST_INTEGER = 2**63 - 1
_LONGEST_INTEGER = 20


def parse_json(octets: bytes, *, what: str, largest: int, depth: int = 64, structure: int = 5_000_000) -> object:
    """Parse one JSON document from UTF-8 bytes.

    Guaranteed: at most `largest` bytes, `depth` levels of nesting and `structure` structural characters (`{`, `[`,
    `,` and `:` outside of strings) were read; no duplicate key at any level; no NaN, Infinity, byte order mark, lone
    surrogate or trailing bytes; integers within +-(2^63 - 1). Raises `InvalidInput(json_too_large)` or
    `InvalidInput(json_malformed)`, naming `what`.
    """
    if len(octets) > largest:
        raise _too_large(what, f"{len(octets)} bytes, more than {largest}")
    _measure(octets, what=what, depth=depth, structure=structure)
    try:
        document: object = json.loads(
            octets.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_int=_integer_in_range,
            parse_float=_finite_number,
        )
        if _ESCAPED_SURROGATE.search(octets):
            _refuse_lone_surrogates(document)
    except (ValueError, RecursionError) as error:
        raise _malformed(what, str(error)) from error
    return document


def _measure(octets: bytes, *, what: str, depth: int, structure: int) -> None:
    # Without its escapes, every second part between quotes is outside of strings. A backslash outside of a string
    # would break that, but the parser stops at it: what it reads before has been measured rightly.
    plain = octets.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > 2 * structure + 2:
        raise _too_large(what, f"more strings than {structure} structural characters can hold")
    skeleton = b"".join(plain.split(b'"')[::2])
    if sum(skeleton.count(mark) for mark in (b"{", b"[", b",", b":")) > structure:
        raise _too_large(what, f"more than {structure} structural characters")
    level = 0
    for mark in skeleton.translate(None, delete=_NOT_A_BRACKET):
        level += 1 if mark in b"{[" else -1
        if level > depth:
            raise _malformed(what, f"it is nested deeper than {depth} levels")


def _too_large(what: str, how: str) -> InvalidInput:
    return InvalidInput("json_too_large", f"{what} has {how}", remedy="send a smaller document")


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput("json_malformed", f"{what} is not strict JSON: {why[:200]}", remedy="send one valid document")


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return members


def _refuse_lone_surrogates(document: object) -> None:
    # The walk keeps its own stack: it must not depend on how deep the interpreter may recurse.
    pending = [document]
    while pending:
        match pending.pop():
            case str() as text:
                text.encode("utf-8")
            case dict() as members:
                pending += [*members.keys(), *members.values()]
            case list() as values:
                pending += values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer_in_range(text: str) -> int:
    if len(text) > _LONGEST_INTEGER or abs(int(text)) > _LARGEST_INTEGER:
        raise ValueError("an integer is out of range")
    return int(text)


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
