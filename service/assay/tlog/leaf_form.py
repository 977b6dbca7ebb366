"""Leaves of decisions that have one outcome."""

import re
from dataclasses import replace
from datetime import datetime
from operator import itemgetter

from assay.domain.recent import Recent
from assay.domain.record import Leaf
from assay.tlog.canonical import ShapeError, parse_time, render_canonical, render_time
from assay.tlog.leaf import leaf_members, malformed_leaf, parse_leaf

_PLAIN = re.compile(rb"[A-Za-z0-9:.-]+")
_MOST = 4096
_MOST_OCTETS = 32 * 1024 * 1024
_FILLED = ("caller", "dry_run", "id", "time")


class LeafForm:
    """The bytes of leaves that differ in nothing but who asked, when, as which decision, and whether as a dry run.

    What they have in common is spelled once: a Pod that is started again costs the log few words. Raises
    `InvalidInput(leaf_malformed)` for a leaf that has no canonical form.
    """

    def __init__(self, leaf: Leaf) -> None:
        members = leaf_members(leaf)
        common = {name: value for name, value in members.items() if name not in _FILLED}
        # RFC 8785 sorts members: these are the stretches between those that are filled in.
        stretches = (("dry_run", "id"), ("id", "time"), ("time", "\x7f"))
        try:
            self._stretches = tuple(
                render_canonical({name: value for name, value in common.items() if before < name < after})[1:-1]
                for before, after in stretches
            )
        except ValueError as error:
            raise malformed_leaf(str(error)) from error

    @property
    def size(self) -> int:
        """How many bytes it keeps."""
        return sum(map(len, self._stretches))

    def fill(self, *, decision_id: str, time: datetime, caller: str, dry_run: bool) -> bytes:
        """The canonical bytes of the leaf with these; `time` is cut to milliseconds.

        Raises `InvalidInput(leaf_malformed)` for an id or a caller that is not letters, digits, `:`, `.` and `-`.
        """
        name, mark = decision_id.encode(errors="replace"), caller.encode(errors="replace")
        if not (_PLAIN.fullmatch(name) and _PLAIN.fullmatch(mark)):
            raise malformed_leaf("its id or its caller is no plain word")
        first, second, third = self._stretches
        return b'{"caller":"%b","dry_run":%b,%b,"id":"%b",%b,"time":"%b",%b}' % (
            mark,
            b"true" if dry_run else b"false",
            first,
            name,
            second,
            render_time(time).encode(),
            third,
        )


class LeafReader:
    """Reads leaves; what those of one outcome have in common is read once, for the latest outcomes."""

    def __init__(self, octets: int = _MOST_OCTETS) -> None:
        self._known: Recent[tuple[bytes | int, ...], tuple[Leaf, int]] = Recent(
            entries=_MOST, octets=octets, size_of=itemgetter(1)
        )

    def read(self, octets: bytes) -> Leaf:
        """What `parse_leaf` makes of these bytes; raises `InvalidInput(leaf_malformed)` as that does."""
        common, words = _cut(octets)
        # A plain word is spelled in one way only, as it is.
        if not all(map(_PLAIN.fullmatch, words)):
            return parse_leaf(octets)
        known = self._known.get(common)
        if known is not None:
            return _fill(known[0], *words)
        leaf = parse_leaf(octets)
        # Read, it takes some three times as much as its bytes, and these are kept beside it.
        self._known.put(common, (leaf, 4 * len(octets)))
        return leaf


def _cut(octets: bytes) -> tuple[tuple[bytes | int, ...], tuple[bytes, bytes, bytes]]:
    """A leaf's bytes without caller, id and time, but with the length of the whole, and these.

    Put together again they are the whole. In a leaf no other member has the name of one of them, and no text in JSON
    has a bare quote, as the marks between them have.
    """
    opening, quote, rest = octets.partition(b'"caller":"')
    caller, end, rest = rest.partition(b'"')
    first, name_mark, rest = rest.partition(b',"id":"')
    name, name_end, rest = rest.partition(b'"')
    second, time_mark, rest = rest.partition(b',"time":"')
    time, time_end, third = rest.partition(b'"')
    marks = quote, end, name_mark, name_end, time_mark, time_end
    return (len(octets), opening, first, second, third, *marks), (caller, name, time)


def _fill(known: Leaf, caller: bytes, name: bytes, time: bytes) -> Leaf:
    try:
        return replace(known, caller=caller.decode(), id=name.decode(), time=parse_time(time.decode()))
    except ShapeError as error:
        raise malformed_leaf(str(error)) from error
