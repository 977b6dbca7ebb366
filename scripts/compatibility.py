"""What Assay and cosign make of each other: `python -m scripts.compatibility` measures it and writes the document.

Every combination is signed by one and verified by the other, with real registries and a private Sigstore, by the
end-to-end test that also compares the document with what it finds.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.measured import write_measured

SIGNATURE = "signature"
WRITERS = ("Assay", "cosign")
SIGNERS = ("key", "encrypted key", "keyless")
STORAGES = ("referrers", "fallback tag", "legacy tags")
SHAPES = ("image", "index")
STATEMENTS = (SIGNATURE, "slsaprovenance1", "spdxjson", "cyclonedx", "vuln", "openvex", "custom")
RESULTS = "ASSAY_COMPATIBILITY_RESULTS"
DOCUMENT = Path(__file__).parent.parent / "docs" / "compatibility.md"
_TEST = "tests/e2e/test_compatibility.py"
_HEAD = """\
# Compatibility with cosign

Every cell below was signed by one program and verified by the other: Assay and cosign v3, real registries, and for
keyless signatures a private Sigstore of real parts (Fulcio, and a log of version 1, whose promises are the only ones
that legacy tags have a place for). A test runs all of them and compares this document with what it finds;
`.venv/bin/python -m scripts.compatibility` measures and writes it anew.

- **key**, **encrypted key**: `cosign.key` with an empty password and with one. **keyless**: a certificate for an OIDC
  identity, and a log entry.
- **referrers**: version 0.3 bundles in a registry with the referrers API (olareg). **fallback tag**: the same in a
  registry without (Distribution). **legacy tags**: `.sig` and `.att` tags, as cosign 1 and 2 wrote them.
- **image** and **index**: what was signed is the manifest of one image, or an image index.
- *pass*: the other one verifies it; *fail*: it does not; a number: cosign itself refuses, in the words of that note.
"""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Case:
    """One combination: who writes (the other one verifies), who signs, what, where, about what kind of image."""

    writer: str
    signer: str
    storage: str
    shape: str
    statement: str

    @property
    def name(self) -> str:
        """The combination as one text."""
        return f"{self.writer}/{self.signer}/{self.storage}/{self.shape}/{self.statement}"


def list_cases() -> Iterator[Case]:
    """Every combination."""
    for writer, signer, storage, shape, statement in itertools.product(WRITERS, SIGNERS, STORAGES, SHAPES, STATEMENTS):
        yield Case(writer=writer, signer=signer, storage=storage, shape=shape, statement=statement)


def render_document(results: Mapping[str, str]) -> str:
    """The document for results by name of the case: `pass`, `fail`, or how cosign refuses."""
    notes = sorted({result for result in results.values() if result not in {"pass", "fail"}})
    passing = sum(result == "pass" for result in results.values())
    tables = [
        f"## {writer} signs an {shape}, {verifier} verifies\n\n{_table(writer, shape, results, notes)}"
        for writer, verifier in zip(WRITERS, reversed(WRITERS), strict=True)
        for shape in SHAPES
    ]
    parts = [_HEAD, f"{passing} of {len(results)} combinations pass.\n", *tables]
    parts.extend(f"[{number}] cosign: {note}\n" for number, note in enumerate(notes, start=1))
    return "\n".join(parts).rstrip("\n") + "\n"


def _table(writer: str, shape: str, results: Mapping[str, str], notes: list[str]) -> str:
    columns = [f"{signer}, {storage}" for signer, storage in itertools.product(SIGNERS, STORAGES)]
    lines = [f"| | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    for statement in STATEMENTS:
        cells = [
            results[Case(writer=writer, signer=signer, storage=storage, shape=shape, statement=statement).name]
            for signer, storage in itertools.product(SIGNERS, STORAGES)
        ]
        told = [f"[{notes.index(cell) + 1}]" if cell in notes else cell for cell in cells]
        lines.append(f"| {statement} | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run every combination and write the document."""
    write_measured(_TEST, RESULTS, DOCUMENT, render_document)


if __name__ == "__main__":
    main()
