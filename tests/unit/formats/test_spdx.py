"""SPDX 2.2 and 2.3 documents."""

import json
from pathlib import Path

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.sbom import Package, SbomFormat
from assay.formats.spdx import parse_spdx
from tests.fakes.policy import changed, spdx_predicate

ASSETS = Path(__file__).parents[2] / "assets" / "sbom"


def asset(name: str) -> dict[str, object]:
    document: dict[str, object] = json.loads((ASSETS / name).read_text(encoding="utf-8"))
    return document


def refusal(document: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_spdx(document, most_packages=10)  # type: ignore[arg-type]  # tests other types on purpose
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "version", "packages", "relationships"),
    [
        ("hello-source.spdx.json", "2.3", 1, 0),
        ("example7-bin.spdx.json", "2.2", 1, 5),
        ("go-spdx-multi-arch_1.json", "2.2", 3, 2),
        ("sbom-spdx-container.json", "2.3", 1, 1),
    ],
)
def test_real_documents_are_read(name: str, version: str, packages: int, relationships: int) -> None:
    sbom = parse_spdx(asset(name), most_packages=10)
    assert sbom.format is SbomFormat.SPDX
    assert (sbom.version, len(sbom.packages), sbom.relationships) == (version, packages, relationships)


def test_a_package_keeps_what_the_document_says() -> None:
    document = spdx_predicate("MIT")
    document = dict(document, packages=[{**document["packages"][0], "licenseInfoFromFiles": ["ISC"]}])  # type: ignore[index]
    assert parse_spdx(document, most_packages=1).packages == (
        Package(
            id="SPDXRef-0",
            name="package-0",
            version="1.0",
            purl="pkg:golang/example/package-0@1.0",
            raw=("ISC",),
            declared="MIT",
        ),
    )


def test_the_container_itself_is_no_package() -> None:
    document = spdx_predicate("MIT", "ISC")
    container = changed(document, ("packages", 0), lambda item: {**item, "primaryPackagePurpose": "CONTAINER"})  # type: ignore[dict-item]
    undescribed = parse_spdx(container, most_packages=2)  # type: ignore[arg-type]
    assert len(undescribed.packages) == 2
    described = {**container, "documentDescribes": ["SPDXRef-0"]}  # type: ignore[dict-item]
    assert [item.id for item in parse_spdx(described, most_packages=2).packages] == ["SPDXRef-1"]


def test_a_document_without_packages_is_read_and_empty() -> None:
    assert parse_spdx(spdx_predicate(), most_packages=0).packages == ()


def test_other_versions_are_unsupported() -> None:
    assert refusal({**spdx_predicate("MIT"), "spdxVersion": "SPDX-2.1"}) == "sbom_unsupported"
    assert refusal(asset("hello-dist.spdx3.json")) == "sbom_unsupported"


@pytest.mark.parametrize(
    "path",
    [("spdxVersion",), ("SPDXID",), ("name",), ("creationInfo",), ("packages", 0, "SPDXID"), ("packages", 0, "name")],
)
def test_a_missing_member_is_malformed(path: tuple[str | int, ...]) -> None:
    assert parse_spdx(spdx_predicate("MIT"), most_packages=1)
    assert refusal(changed(spdx_predicate("MIT"), path, None)) == "sbom_malformed"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("SPDXID",), "SPDXRef-OTHER"),
        (("packages",), {}),
        (("packages", 0), "x"),
        (("packages", 0, "SPDXID"), "no reference"),
        (("packages", 0, "SPDXID"), "SPDXRef-1"),
        (("packages", 0, "licenseDeclared"), ["MIT"]),
        (("packages", 0, "licenseDeclared"), "MIT\u0007"),
        (("packages", 0, "versionInfo"), None),
        (("documentDescribes",), [1]),
        (("packages", 0, "externalRefs", 0, "referenceLocator"), ""),
        (("creationInfo",), []),
    ],
)
def test_a_member_of_another_type_or_form_is_malformed(path: tuple[str | int, ...], value: object) -> None:
    good = {**spdx_predicate("MIT", "MIT"), "documentDescribes": []}
    assert refusal(changed(good, path, lambda _: value)) == "sbom_malformed"


def test_too_many_packages_are_a_limit() -> None:
    assert refusal(spdx_predicate(*["MIT"] * 11)) == "evidence_limit"
    assert len(parse_spdx(spdx_predicate(*["MIT"] * 10), most_packages=10).packages) == 10
