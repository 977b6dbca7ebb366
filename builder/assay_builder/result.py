"""What a build leaves: a summary for people and programs, and documents."""

from assay_builder.stages.attest import Attested
from assay_builder.stages.gate import Gated
from assay_builder.stages.publish import Published


def describe_attested(attested: Attested) -> dict[str, object]:
    """The result of a build that asked no gate."""
    image = attested.isolated.image
    return {
        "image": str(image.digest),
        "size": len(image.layer.octets),
        "components": [f"{item.name} {item.version} ({item.licence.expression})" for item in attested.graph.components],
        "gaps": list(attested.graph.gaps),
    }


def describe_published(gated: Gated, published: Published | None) -> dict[str, object]:
    """The result of a build that asked the gate; `pushed` is empty when nothing left."""
    answer = gated.answer
    return {
        **describe_attested(gated.attested),
        "verdict": answer.verdict.value,
        "decision": answer.decision_id,
        "findings": [f"{item.code}: {item.msg}" for item in answer.findings if item.blocks],
        "pushed": [str(reference) for reference in published.references] if published else [],
    }


def evidence_documents(attested: Attested) -> tuple[tuple[str, bytes], ...]:
    """Documents and bundles by file name; bundles are named after their predicate type's last part."""
    bundles = tuple((f"{_short(item.predicate_type)}.sigstore.json", item.bundle) for item in attested.bundles)
    return (*attested.documents, *bundles)


_SHORT_NAMES = {
    "https://slsa.dev/provenance/v1": "provenance",
    "https://spdx.dev/Document": "sbom.spdx",
    "https://cyclonedx.org/bom": "sbom.cdx",
}


def _short(predicate_type: str) -> str:
    return _SHORT_NAMES.get(predicate_type, "signature")
