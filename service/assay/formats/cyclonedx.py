"""CycloneDX 1.4 to 1.6 documents in JSON (https://cyclonedx.org/docs/1.6/json/)."""

from collections.abc import Mapping

from assay.domain.errors import InvalidInput
from assay.domain.sbom import NOASSERTION, Package, Sbom, SbomFormat
from assay.formats.open_object import OpenObject

_VERSIONS = frozenset({"1.4", "1.5", "1.6"})
# fmt: off
_TYPES = frozenset({
    "application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver",
    "firmware", "file", "machine-learning-model", "data", "cryptographic-asset",
})
# fmt: on
_SCOPES = frozenset({"", "required", "optional", "excluded"})
_LONGEST_EXPRESSION = 30_000


def parse_cyclonedx(predicate: Mapping[str, object], *, most_packages: int) -> Sbom:
    """Parse the predicate of a CycloneDX attestation.

    Nested components count like others. `metadata.component` is a package too unless it is the container itself, of
    which only the components inside count.
    Checked: the types of what is read, unique `bom-ref`s, component types, the licence choice of the schema, the
    number of components. Raises `InvalidInput(sbom_unsupported)` for other versions, `InvalidInput(sbom_malformed)`
    and `InvalidInput(evidence_limit)`.
    """
    document = OpenObject(predicate, place="CycloneDX document", code="sbom_malformed")
    if document.text("bomFormat") != "CycloneDX":
        raise document.refuse("bomFormat", "CycloneDX is expected")
    version = document.text("specVersion")
    if version not in _VERSIONS:
        raise InvalidInput(
            "sbom_unsupported", "the SBOM is not CycloneDX 1.4 to 1.6", remedy="attest a CycloneDX 1.6 document as well"
        )
    metadata = document.optional_section("metadata")
    edges = [item.texts("dependsOn") for item in document.sections("dependencies") if item.text("ref")]
    return Sbom(
        format=SbomFormat.CYCLONEDX,
        version=version,
        created=metadata.text("timestamp", "", longest=64),
        packages=_packages(_root(metadata) + document.sections("components"), most_packages),
        relationships=sum(len(targets) for targets in edges),
    )


def _root(metadata: OpenObject) -> list[OpenObject]:
    if not metadata.has("component"):
        return []
    root = metadata.section("component")
    return root.sections("components") if root.text("type") == "container" else [root]


def _packages(components: list[OpenObject], most: int) -> tuple[Package, ...]:
    packages: list[Package] = []
    seen: set[str] = set()
    pending = list(reversed(components))
    while pending:
        component = pending.pop()
        pending.extend(reversed(component.sections("components")))
        reference = component.text("bom-ref", longest=1024) if component.has("bom-ref") else ""
        if reference in seen:
            raise component.refuse("bom-ref", "the reference occurs twice")
        seen |= {reference} - {""}
        packages.append(_package(component, reference or f"component-{len(packages)}"))
        if len(packages) > most:
            raise InvalidInput("evidence_limit", f"the SBOM has more than {most} components", remedy="split the image")
    return tuple(packages)


def _package(component: OpenObject, identifier: str) -> Package:
    if component.text("type") not in _TYPES:
        raise component.refuse("type", "the component type is not one of the format")
    if component.text("scope", "") not in _SCOPES:
        raise component.refuse("scope", "the scope is not one of the format")
    raw, declared, concluded = _licences(component)
    return Package(
        id=identifier,
        name=component.text("name", may_be_empty=True),
        version=component.text("version", ""),
        purl=component.text("purl", ""),
        raw=raw,
        declared=declared,
        concluded=concluded,
    )


def _licences(component: OpenObject) -> tuple[tuple[str, ...], str, str]:
    """Names that are no expression, and the declared and concluded expressions.

    A list of several licences leaves open what it means; it is read as "all of them", the stricter way.
    """
    choices = component.sections("licenses")
    if len(choices) > 1 and any(choice.has("expression") for choice in choices):
        raise component.refuse("licenses", "an expression stands alone")
    raw: list[str] = []
    terms: dict[str, list[str]] = {"declared": [], "concluded": []}
    for choice in choices:
        if choice.has("expression") == choice.has("license"):
            raise choice.refuse("", "either expression or license is expected")
        named = choice if choice.has("expression") else choice.section("license")
        acknowledgement = named.text("acknowledgement", "declared")
        if acknowledgement not in terms:
            raise named.refuse("acknowledgement", "declared or concluded is expected")
        term, name = _choice(choice, named)
        terms[acknowledgement].append(term)
        raw += [name] if name else []
    return tuple(raw), _all_of(terms["declared"]), _all_of(terms["concluded"])


def _choice(choice: OpenObject, named: OpenObject) -> tuple[str, str]:
    if choice.has("expression"):
        return choice.text("expression", longest=_LONGEST_EXPRESSION), ""
    if named.has("id") == named.has("name"):
        raise named.refuse("", "either id or name is expected")
    return (named.text("id"), "") if named.has("id") else (NOASSERTION, named.text("name"))


def _all_of(terms: list[str]) -> str:
    return " AND ".join(terms) if terms else NOASSERTION
