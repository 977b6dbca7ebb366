"""The graph as an SPDX 2.3 document (https://spdx.github.io/spdx-spec/v2.3/)."""

import re
import uuid

from assay_builder.describe.graph import Component, Graph
from assay_builder.describe.licence import NOASSERTION
from assay_builder.image.image import render_time

PREDICATE_TYPE = "https://spdx.dev/Document"
_NAMESPACE = "https://assay.dev/spdx"
_DOCUMENT = "SPDXRef-DOCUMENT"
_IMAGE = "SPDXRef-Image"
_UNUSABLE = re.compile(r"[^A-Za-z0-9.]+")


def render_spdx(graph: Graph, *, tool: str) -> dict[str, object]:
    """Render the graph; the same graph gives the same document.

    `tool` is name and version of the builder (`assay-0.1.0`). Licences are those of `describe.licence`, declared as
    well as concluded; what could not be established is in the comments.
    """
    identifiers = {
        item.purl: f"SPDXRef-{_UNUSABLE.sub('-', item.purl.removeprefix('pkg:'))}" for item in graph.components
    }
    document: dict[str, object] = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": f"{graph.name}-{graph.version}",
        "documentNamespace": f"{_NAMESPACE}/{graph.name}-{uuid.uuid5(uuid.NAMESPACE_URL, str(graph.image))}",
        "creationInfo": {
            "created": render_time(graph.epoch),
            "creators": [f"Organization: {graph.supplier}", f"Tool: {tool}"],
        },
        "documentDescribes": [_IMAGE],
        "packages": [_image(graph), *(_package(item, identifiers[item.purl]) for item in graph.components)],
        "relationships": [
            _relation(_DOCUMENT, "DESCRIBES", _IMAGE),
            *(_relation(_IMAGE, "CONTAINS", identifiers[item.purl]) for item in graph.components),
            *(_relation(identifiers[user], "DEPENDS_ON", identifiers[provider]) for user, provider in graph.edges),
        ],
    }
    if graph.gaps:
        document["comment"] = "Not established: " + "; ".join(graph.gaps)
    return document


def _image(graph: Graph) -> dict[str, object]:
    return {
        "SPDXID": _IMAGE,
        "name": graph.name,
        "versionInfo": graph.version,
        "supplier": f"Organization: {graph.supplier}",
        "downloadLocation": NOASSERTION,
        "filesAnalyzed": False,
        "licenseConcluded": NOASSERTION,
        "licenseDeclared": NOASSERTION,
        "copyrightText": NOASSERTION,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [_checksum(graph.image.hex)],
        "externalRefs": [_purl(graph.image_purl)],
    }


def _package(component: Component, identifier: str) -> dict[str, object]:
    package: dict[str, object] = {
        "SPDXID": identifier,
        "name": component.name,
        "versionInfo": component.version,
        "supplier": f"Organization: {component.supplier}",
        "downloadLocation": NOASSERTION,
        "filesAnalyzed": False,
        "licenseConcluded": component.licence.expression,
        "licenseDeclared": component.licence.expression,
        "copyrightText": NOASSERTION,
        "primaryPackagePurpose": "APPLICATION" if component.main else "LIBRARY",
        "checksums": [_checksum(component.digest.hex)],
        "externalRefs": [_purl(component.purl)],
    }
    if component.licence.gaps:
        package["licenseComments"] = "Not established: " + "; ".join(component.licence.gaps)
    return package


def _checksum(value: str) -> dict[str, object]:
    return {"algorithm": "SHA256", "checksumValue": value}


def _purl(purl: str) -> dict[str, object]:
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}


def _relation(source: str, kind: str, target: str) -> dict[str, object]:
    return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}
