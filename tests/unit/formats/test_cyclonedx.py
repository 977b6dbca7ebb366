"""CycloneDX 1.4 to 1.6 documents."""

import json
from pathlib import Path

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.sbom import SbomFormat
from assay.formats.cyclonedx import parse_cyclonedx

ASSETS = Path(__file__).parents[2] / "assets" / "sbom"


def asset(name: str) -> dict[str, object]:
    document: dict[str, object] = json.loads((ASSETS / name).read_text(encoding="utf-8"))
    return document


def document(*components: object, **members: object) -> dict[str, object]:
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": list(components), **members}


def component(**members: object) -> dict[str, object]:
    return {"type": "library", "name": "zlib", **members}


def refusal(predicate: dict[str, object]) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_cyclonedx(predicate, most_packages=10)
    return caught.value.code


def licences(*choices: object) -> tuple[tuple[str, ...], str, str]:
    (package,) = parse_cyclonedx(document(component(licenses=list(choices))), most_packages=1).packages
    return package.raw, package.declared, package.concluded


@pytest.mark.parametrize(
    ("name", "version", "packages", "relationships"),
    [
        ("cyclonedx-components-nested.json", "1.4", 3, 2),
        ("valid-license-expression-1.6.json", "1.6", 1, 0),
        ("valid-license-id-1.6.json", "1.6", 1, 0),
        ("valid-license-name-1.6.json", "1.6", 1, 0),
        ("valid-empty-components-1.6.json", "1.6", 0, 0),
    ],
)
def test_real_documents_are_read(name: str, version: str, packages: int, relationships: int) -> None:
    sbom = parse_cyclonedx(asset(name), most_packages=10)
    assert sbom.format is SbomFormat.CYCLONEDX
    assert (sbom.version, len(sbom.packages), sbom.relationships) == (version, packages, relationships)


@pytest.mark.parametrize("name", sorted(path.name for path in ASSETS.glob("invalid-*-1.6.json")))
def test_documents_that_the_schema_refuses_are_malformed(name: str) -> None:
    assert refusal(asset(name)) == "sbom_malformed"


def test_other_versions_are_unsupported() -> None:
    assert refusal(asset("cyclonedx-1.7.json")) == "sbom_unsupported"
    assert refusal(document(specVersion="1.3")) == "sbom_unsupported"
    assert parse_cyclonedx(document(specVersion="1.5"), most_packages=1).version == "1.5"


def test_the_root_counts_unless_it_is_the_container() -> None:
    application = document(metadata={"component": component(type="application", name="app")})
    assert [item.name for item in parse_cyclonedx(application, most_packages=1).packages] == ["app"]
    container = document(metadata={"component": component(type="container", name="app"), "timestamp": "2026"})
    assert parse_cyclonedx(container, most_packages=1).packages == ()
    assert parse_cyclonedx(container, most_packages=1).created == "2026"


def test_components_inside_the_container_are_not_hidden() -> None:
    inside = component(type="container", name="app", components=[component(name="hidden")])
    packages = parse_cyclonedx(document(metadata={"component": inside}), most_packages=1).packages
    assert [item.name for item in packages] == ["hidden"]
    assert refusal(document(*[component()] * 10, metadata={"component": inside})) == "evidence_limit"


def test_an_expression_is_declared() -> None:
    assert licences({"expression": "MIT OR ISC"}) == ((), "MIT OR ISC", "NOASSERTION")


def test_an_acknowledged_conclusion_is_concluded() -> None:
    assert licences({"license": {"id": "MIT", "acknowledgement": "concluded"}}) == ((), "NOASSERTION", "MIT")
    assert licences({"expression": "MIT", "acknowledgement": "concluded"}) == ((), "NOASSERTION", "MIT")


def test_several_licences_are_read_as_all_of_them() -> None:
    assert licences({"license": {"id": "MIT"}}, {"license": {"id": "ISC"}})[1] == "MIT AND ISC"


def test_a_name_is_kept_and_asserts_nothing() -> None:
    assert licences({"license": {"name": "BSD, probably"}}) == (("BSD, probably",), "NOASSERTION", "NOASSERTION")


def test_no_licence_is_no_assertion() -> None:
    assert licences() == ((), "NOASSERTION", "NOASSERTION")


@pytest.mark.parametrize(
    "licenses",
    [
        [{}],
        [{"license": {"id": "MIT", "name": "MIT"}}],
        [{"license": {"id": "MIT"}, "expression": "MIT"}],
        [{"expression": "MIT"}, {"license": {"id": "MIT"}}],
        [{"license": {"id": "MIT", "acknowledgement": "guessed"}}],
        {"license": {"id": "MIT"}},
    ],
)
def test_an_unclear_licence_is_malformed(licenses: object) -> None:
    assert refusal(document(component(licenses=licenses))) == "sbom_malformed"


def test_a_reference_occurs_once() -> None:
    twice = document(component(**{"bom-ref": "a"}), component(**{"bom-ref": "a"}))
    assert refusal(twice) == "sbom_malformed"
    once = document(component(**{"bom-ref": "a"}), component(), component())
    assert [item.id for item in parse_cyclonedx(once, most_packages=3).packages] == ["a", "component-1", "component-2"]


def test_dependencies_are_counted() -> None:
    edges = document(dependencies=[{"ref": "a", "dependsOn": ["b", "c"]}, {"ref": "b"}])
    assert parse_cyclonedx(edges, most_packages=1).relationships == 2


def test_too_many_components_are_a_limit() -> None:
    nested = component(components=[component() for _ in range(10)])
    assert refusal(document(nested)) == "evidence_limit"
    assert len(parse_cyclonedx(document(nested), most_packages=11).packages) == 11
