"""Every relative link of the documentation leads somewhere."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LEADS_OUTSIDE = re.compile(r"^[a-z][a-z0-9+.-]*:")


def _documents() -> list[Path]:
    found = (path.relative_to(_ROOT) for path in _ROOT.rglob("*.md"))
    return sorted(_ROOT / path for path in found if not _is_foreign(path))


def _is_foreign(path: Path) -> bool:
    return "assets" in path.parts or any(part.startswith(".") for part in path.parts)


def _anchors(document: Path) -> set[str]:
    headings = _HEADING.findall(_FENCED.sub("", document.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> list[str]:
    """The relative links of a document that lead to no file, or to no heading of a Markdown file."""
    broken = []
    for link in _LINK.findall(_FENCED.sub("", document.read_text(encoding="utf-8"))):
        if _LEADS_OUTSIDE.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name) if name else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("document", _documents(), ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_relative_links_lead_somewhere(document: Path) -> None:
    assert broken_links(document) == []


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("[here](#two-words)", []),
        ("[there](other.md)", ["other.md"]),
        ("[part](#nothing)", ["#nothing"]),
        ("[web](https://example.org/x)", []),
        ("```\n[not a link](nowhere)\n```", []),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, text: str, broken: list[str]) -> None:
    document = tmp_path / "page.md"
    document.write_text(f"# Two words\n{text}\n")
    assert broken_links(document) == broken
