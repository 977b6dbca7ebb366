"""Leaves of decisions that have one outcome."""

import re
from datetime import datetime

from assay.domain.record import Leaf
from assay.tlog.canonical import render_canonical, render_time
from assay.tlog.leaf import leaf_members, malformed_leaf

_PLAIN = re.compile(r"[A-Za-z0-9:-]+", re.ASCII)
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

    def fill(self, *, decision_id: str, time: datetime, caller: str, dry_run: bool) -> bytes:
        """The canonical bytes of the leaf with these; `time` is cut to milliseconds.

        Raises `InvalidInput(leaf_malformed)` for an id or a caller that is not letters, digits, `:` and `-`.
        """
        if not (_PLAIN.fullmatch(decision_id) and _PLAIN.fullmatch(caller)):
            raise malformed_leaf("its id or its caller is no plain word")
        first, second, third = self._stretches
        return b'{"caller":"%b","dry_run":%b,%b,"id":"%b",%b,"time":"%b",%b}' % (
            caller.encode(),
            b"true" if dry_run else b"false",
            first,
            decision_id.encode(),
            second,
            render_time(time).encode(),
            third,
        )
