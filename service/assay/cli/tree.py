"""Trees of text, drawn with the characters that the terminal has."""

from collections.abc import Iterator
from dataclasses import dataclass

from assay.cli.render import safe_text

_LINES = {False: ("├─ ", "└─ ", "│  ", "   "), True: ("|- ", "`- ", "|  ", "   ")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One line and the lines below it."""

    text: str
    below: tuple["Branch", ...] = ()


def draw(root: Branch, encoding: str | None) -> str:
    """Draw a tree for a stream of this encoding: in plain ASCII unless it is UTF-8."""
    plain = (encoding or "").lower().replace("-", "") != "utf8"
    text = "\n".join([safe_text(root.text), *_draw(root.below, "", plain=plain)])
    return text.encode("ascii", "backslashreplace").decode("ascii") if plain else text


def _draw(branches: tuple[Branch, ...], before: str, *, plain: bool) -> Iterator[str]:
    fork, end, line, blank = _LINES[plain]
    for number, branch in enumerate(branches, start=1):
        last = number == len(branches)
        yield f"{before}{end if last else fork}{safe_text(branch.text)}"
        yield from _draw(branch.below, before + (blank if last else line), plain=plain)
