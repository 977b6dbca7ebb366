"""What becomes of the misuse cases: `python -m scripts.misuse_table` plays them and writes the document.

The cases are played by the misuse suite against the webhook of one process; the suite also compares the document with
what it finds.
"""

from collections.abc import Mapping
from pathlib import Path

from assay_misuse.case import Case
from assay_misuse.cases import CASES
from scripts.measured import write_measured

RESULTS = "ASSAY_MISUSE_RESULTS"
DOCUMENT = Path(__file__).parent.parent / "docs" / "misuse.md"
_TEST = "tests/misuse"
_HEAD = """\
# Misuse cases

Thirty ways past an admission webhook, each taken from an advisory or an issue of a controller that it got past, and
what becomes of them here. The suite has a registry that lies on command, sends reviews as an API server does, and
expects a denial from every hook on its own; each part has a twin that differs in the one defect and is admitted, for a
denial alone proves nothing. A test plays all of them and compares this table with what it finds;
`.venv/bin/python -m scripts.misuse_table` plays them and writes it anew.

## Any admission webhook

The cases know nothing of Assay. Make the key of the suite, let the webhook under test trust it as `prepare` says, and
play the cases against its address:

```sh
.venv/bin/assay misuse prepare misuse-keys --registry 127.0.0.1:8790
.venv/bin/assay misuse --url https://127.0.0.1:8443/validate --mutate-url https://127.0.0.1:8443/mutate \\
  --ca ca.crt --key misuse-keys/cosign.key --registry 127.0.0.1:8790
```

It prints a line for each case, or JSON with `--output json`, and ends with 1 when a case got past the webhook
(`bypassed`) or could not be shown to be withstood (`fail`: a twin was denied, an answer came too late, or was none that
an API server can use, which `failurePolicy: Ignore` turns into an admission). What needs control over the webhook's own
process (another policy or trust, answers put into the policy engine's mouth, collaborators that break, keyless evidence
under a trust root of the suite) is *not applicable* there and says why; Assay's own tests play it all.

The rules that a webhook may decide otherwise: an index is judged platform by platform and vouches for its children only
when it is asked for itself (21), attestations are demanded beside the signature (3), and a kind or version that nobody
registered is refused (23).

## The cases

| no | case | sources | parts, and what they need beside a webhook | verdict |
| --- | --- | --- | --- | --- |
"""


def render_document(outcomes: Mapping[str, str]) -> str:
    """The document for outcomes by the name of a part (`part_name`)."""
    rows = []
    for case in CASES:
        named = [outcomes[part_name(case, number)] for number in range(len(case.parts))]
        verdict = named[0] if len(set(named)) == 1 else ", ".join(named)
        rows.append(f"| {case.number} | {case.title} | {', '.join(case.sources)} | {_parts(case)} | {verdict} |")
    return _HEAD + "\n".join(rows) + "\n"


def part_name(case: Case, number: int) -> str:
    """The name of a part in the results."""
    return f"{case.number:02} {case.parts[number].name}"


def _parts(case: Case) -> str:
    told = []
    for part in case.parts:
        needs = ", ".join(sorted(need.value for need in part.needs))
        told.append(f"{part.name} ({needs})" if needs else part.name)
    return "; ".join(told)


def main() -> None:
    """Play every case and write the document."""
    write_measured(_TEST, RESULTS, DOCUMENT, render_document)


if __name__ == "__main__":
    main()
