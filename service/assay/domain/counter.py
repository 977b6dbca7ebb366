"""What the service counts itself, so that a rule which looked at nothing is found out."""

from collections.abc import Callable, Mapping

from assay.domain.decision import Stage
from assay.domain.errors import InvalidInput

Document = Mapping[str, object]


def unusable_document(why: str) -> InvalidInput:
    """The error for a document that cannot be judged; the service wrote it, so it is a bug, and it denies."""
    return InvalidInput("policy_input_invalid", f"the document cannot be judged: {why}", remedy="report this as a bug")


def entries(document: Document, name: str) -> list[Document]:
    """The objects of a table; `InvalidInput(policy_input_invalid)` when it is none."""
    table = document.get(name)
    if not isinstance(table, list) or not all(isinstance(entry, Mapping) for entry in table):
        raise unusable_document(f"{name} is no list of objects")
    return table


def _length_of(name: str) -> Callable[[Document], int]:
    return lambda document: len(entries(document, name))


def _packages(document: Document) -> int:
    return sum(len(entries(sbom, "packages")) for sbom in entries(document, "sbom"))


def _pods(document: Document) -> int:
    request = document.get("request")
    kubernetes = request.get("k8s") if isinstance(request, Mapping) else None
    if not isinstance(kubernetes, Mapping):
        raise unusable_document("request.k8s is no object")
    return len(entries(kubernetes, "pods"))


COUNTERS: Mapping[Stage, Mapping[str, Callable[[Document], int]]] = {
    Stage.EVIDENCE: {
        "signatures": _length_of("signatures"),
        "provenance": _length_of("provenance"),
        "sboms": _length_of("sbom"),
        "packages": _packages,
    },
    Stage.REQUEST: {"images": _length_of("images"), "pods": _pods},
}
"""What a rule's `counts` may name, by stage: the number that `checked` must be equal to."""

EVIDENCE_VERDICT = "evidence"
"""What a request rule `requires` when it speaks about the evidence verdict of each image."""
