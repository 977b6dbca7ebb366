import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from assay.domain.digest import Digest
from assay.formats.cyclonedx import parse_cyclonedx
from assay.formats.spdx import parse_spdx
from assay_builder.describe.cyclonedx import render_cyclonedx
from assay_builder.describe.graph import make_graph
from assay_builder.describe.licence import DetectedLicence
from assay_builder.describe.listing import parse_listing
from assay_builder.describe.spdx import render_spdx
from tests.fakes.build import LIBRARY, SOURCE, TOOLCHAIN, FakeBuildWorld

WORLD = FakeBuildWorld()
GRAPH = make_graph(
    WORLD.plan,
    Digest.of(b"image"),
    parse_listing(WORLD.workshop.answers["list"][1], source=SOURCE),
    {
        SOURCE: DetectedLicence(expression="BSD-3-Clause AND MIT"),
        LIBRARY: DetectedLicence(expression="NOASSERTION", gaps=("there is no licence file",)),
        TOOLCHAIN: DetectedLicence(expression="BSD-3-Clause"),
    },
)
SPDX = render_spdx(GRAPH, tool="assay-0.1.0")
CYCLONEDX = render_cyclonedx(GRAPH, tool="assay-0.1.0")


def facts(sbom: Mapping[str, object], parse: Any) -> set[tuple[str, ...]]:
    parsed = parse(sbom, most_packages=100)
    return {(item.name, item.version, item.purl, item.declared, item.concluded) for item in parsed.packages}


def test_both_documents_name_the_same_components_and_licences() -> None:
    assert facts(SPDX, parse_spdx) == facts(CYCLONEDX, parse_cyclonedx)
    assert len(facts(SPDX, parse_spdx)) == len(GRAPH.components) == 3


def test_both_documents_have_the_same_relations() -> None:
    names = {item["SPDXID"]: item["externalRefs"][0]["referenceLocator"] for item in _list(SPDX, "packages")}
    of_spdx = {
        (names[item["spdxElementId"]], names[item["relatedSpdxElement"]])
        for item in _list(SPDX, "relationships")
        if item["relationshipType"] != "DESCRIBES"
    }
    of_cyclonedx = {(item["ref"], to) for item in _list(CYCLONEDX, "dependencies") for to in item["dependsOn"]}
    assert of_spdx == of_cyclonedx


def test_the_cyclonedx_document_fulfils_its_schema() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(CYCLONEDX)) is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_spdx_document_fulfils_its_specification(tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    file = tmp_path / "sbom.spdx.json"
    file.write_text(json.dumps(SPDX), encoding="utf-8")
    assert validate_full_spdx_document(parse_file(str(file))) == []


def test_a_licence_that_was_not_recognised_is_said_in_both() -> None:
    gap = "there is no licence file"
    assert gap in str(SPDX["comment"])
    assert any(gap in str(item.get("licenseComments")) for item in _list(SPDX, "packages"))
    assert gap in json.dumps(CYCLONEDX["metadata"])
    assert any(gap in str(item.get("properties")) for item in _list(CYCLONEDX, "components"))


def test_the_minimum_elements_are_there() -> None:
    creation = SPDX["creationInfo"]
    assert isinstance(creation, dict)
    assert creation["creators"] == ["Organization: Example", "Tool: assay-0.1.0"]
    assert creation["created"] == "2026-08-29T17:40:19Z"
    for package in _list(SPDX, "packages"):
        assert package["supplier"].startswith("Organization: ")
        assert package["versionInfo"]
        assert package["checksums"]


def _list(document: Mapping[str, object], key: str) -> list[dict[str, Any]]:
    value = document[key]
    assert isinstance(value, list)
    return value
