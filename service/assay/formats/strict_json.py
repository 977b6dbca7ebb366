"""Strict JSON: one meaning for every document.

`json` alone accepts duplicate keys, NaN and lone surrogates, and recurses as deep as the input asks. A document that
two readers understand differently is how evidence is smuggled, so all of that is refused here.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from assay.domain.errors import InvalidInput

_NOT_STRUCTURAL = bytes(set(range(256)) - set(b"{[,:"))
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LARGEST_INTEGER = 2**63 - 1
_LONGEST_INTEGER = 20


CUT_MARK = b"-Infinity"
"""What stands for a value that was taken out of a document: not JSON, and not in base64."""


def parse_json(
    octets: bytes,
    *,
    what: str,
    largest: int,
    depth: int = 64,
    structure: int = 5_000_000,
    texts: Sequence[bytes] = (),
) -> object:
    """Parse one JSON document from UTF-8 bytes.

    `texts` are the values that were taken out: each is put where its mark stands, and every one must be.

    Guaranteed: at most `largest` bytes, `depth` levels of nesting and `structure` structural characters (`{`, `[`,
    `,` and `:`, those in strings too) were read; no duplicate key at any level; no NaN, Infinity, byte order mark,
    lone surrogate or trailing bytes; integers within +-(2^63 - 1). Raises `InvalidInput(json_too_large)` or
    `InvalidInput(json_malformed)`, naming `what`.
    """
    if len(octets) > largest:
        raise _too_large(what, f"{len(octets)} bytes, more than {largest}")
    marks = octets.translate(None, delete=_NOT_STRUCTURAL)
    if len(marks) > structure:
        raise _too_large(what, f"more than {structure} structural characters")
    try:
        document = _decode(octets.decode("utf-8"), texts)
        if marks.count(b"{") + marks.count(b"[") > depth:
            _refuse_depth(document, depth)
        if b"\\u" in octets and _ESCAPED_SURROGATE.search(octets):
            _refuse_lone_surrogates(document)
    except (ValueError, RecursionError) as error:
        raise _malformed(what, str(error)) from error
    return document


def _decode(text: str, texts: Sequence[bytes]) -> object:
    if not texts:
        document: object = _DECODER.decode(text)
        return document
    left = list(reversed(texts))

    def put(name: str) -> bytes:
        if name.encode() != CUT_MARK or not left:
            _refuse_constant(name)
        return left.pop()

    document = _decoder(put).decode(text)
    if left:
        raise ValueError("a long text stands where no value belongs")
    return document


def _too_large(what: str, how: str) -> InvalidInput:
    return InvalidInput("json_too_large", f"{what} has {how}", remedy="send a smaller document")


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput("json_malformed", f"{what} is not strict JSON: {why[:200]}", remedy="send one valid document")


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return members


def _refuse_depth(document: object, depth: int) -> None:
    # Level by level: how deep the interpreter may recurse is the parser's limit, not ours.
    level = [document]
    for _ in range(depth):
        level = [value for container in level for value in _values(container)]
    if any(isinstance(value, dict | list) for value in level):
        raise ValueError(f"it is nested deeper than {depth} levels")


def _values(container: object) -> Iterable[object]:
    match container:
        case dict():
            return container.values()
        case list():
            return container
        case _:
            return ()


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


def _decoder(constant: Callable[[str], object]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_object_without_duplicates,
        parse_constant=constant,
        parse_int=_integer_in_range,
        parse_float=_finite_number,
    )


_DECODER = _decoder(_refuse_constant)
