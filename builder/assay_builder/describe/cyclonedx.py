"""The graph as a CycloneDX 1.6 document (https://cyclonedx.org/docs/1.6/json/)."""

import uuid

from assay_builder.describe.graph import Component, Graph
from assay_builder.describe.licence import NOASSERTION
from assay_builder.image.image import render_time

PREDICATE_TYPE = "https://cyclonedx.org/bom"


def render_cyclonedx(graph: Graph, *, tool: str) -> dict[str, object]:
    """Render the graph; the same graph gives the same document.

    `tool` is name and version of the builder (`assay-0.1.0`). Every licence id stands twice, declared and concluded,
    as in the SPDX document; what could not be established is in the properties `assay:gap`.
    """
    name, _, version = tool.rpartition("-")
    metadata: dict[str, object] = {
        "timestamp": render_time(graph.epoch),
        "tools": {"components": [{"type": "application", "name": name, "version": version}]},
        "supplier": {"name": graph.supplier},
        "authors": [{"name": graph.supplier}],
        "component": {
            "type": "container",
            "bom-ref": graph.image_purl,
            "name": graph.name,
            "version": graph.version,
            "purl": graph.image_purl,
            "supplier": {"name": graph.supplier},
            "hashes": [_hash(graph.image.hex)],
        },
    }
    if graph.gaps:
        metadata["properties"] = [_gap(gap) for gap in graph.gaps]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, str(graph.image))}",
        "version": 1,
        "metadata": metadata,
        "components": [_component(item) for item in graph.components],
        "dependencies": [
            {"ref": graph.image_purl, "dependsOn": [item.purl for item in graph.components]},
            *(_dependency(graph, item) for item in graph.components),
        ],
    }


def _component(component: Component) -> dict[str, object]:
    entry: dict[str, object] = {
        "type": "application" if component.main else "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
        "supplier": {"name": component.supplier},
        "hashes": [_hash(component.digest.hex)],
    }
    if component.licence.expression != NOASSERTION:
        entry["licenses"] = [
            {"license": {"id": identifier, "acknowledgement": acknowledgement}}
            for identifier in component.licence.expression.split(" AND ")
            for acknowledgement in ("declared", "concluded")
        ]
    if component.licence.gaps:
        entry["properties"] = [_gap(gap) for gap in component.licence.gaps]
    return entry


def _dependency(graph: Graph, component: Component) -> dict[str, object]:
    return {"ref": component.purl, "dependsOn": [provider for user, provider in graph.edges if user == component.purl]}


def _hash(value: str) -> dict[str, object]:
    return {"alg": "SHA-256", "content": value}


def _gap(text: str) -> dict[str, object]:
    return {"name": "assay:gap", "value": text}
