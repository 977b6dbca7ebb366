"""SPDX 2.2 and 2.3 documents in JSON (https://spdx.github.io/spdx-spec/v2.3/)."""

import re
from collections.abc import Mapping

from assay.domain.errors import InvalidInput
from assay.domain.sbom import NOASSERTION, Package, Sbom, SbomFormat
from assay.formats.open_object import OpenObject

_ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+")
_DOCUMENT = "SPDXRef-DOCUMENT"
_VERSIONS = {"SPDX-2.2": "2.2", "SPDX-2.3": "2.3"}
_LONGEST_EXPRESSION = 30_000


def parse_spdx(predicate: Mapping[str, object], *, most_packages: int) -> Sbom:
    """Parse the predicate of an SPDX attestation.

    The package of purpose CONTAINER that the document describes is the image itself and left out. Checked: the types
    of what is read, unique well-formed identifiers, the number of packages. Raises `InvalidInput(sbom_unsupported)`
    for other versions (SPDX 3 included), `InvalidInput(sbom_malformed)` and `InvalidInput(evidence_limit)`.
    """
    version = _version(predicate)
    document = OpenObject(predicate, place="SPDX document", code="sbom_malformed")
    if document.text("SPDXID") != _DOCUMENT:
        raise document.refuse("SPDXID", f"{_DOCUMENT} is expected")
    document.text("name")
    entries = document.sections("packages")
    if len(entries) > most_packages:
        raise InvalidInput("evidence_limit", f"the SBOM has {len(entries)} packages", remedy="split the image")
    edges = [_edge(item) for item in document.sections("relationships")]
    described = {target for source, kind, target in edges if source == _DOCUMENT and kind == "DESCRIBES"}
    described |= set(document.texts("documentDescribes"))
    packages: list[Package] = []
    seen: set[str] = set()
    for entry in entries:
        package = _package(entry)
        if package.id in seen:
            raise entry.refuse("SPDXID", "the identifier occurs twice")
        seen.add(package.id)
        if not (package.id in described and entry.text("primaryPackagePurpose", "") == "CONTAINER"):
            packages.append(package)
    return Sbom(
        format=SbomFormat.SPDX,
        version=version,
        created=document.section("creationInfo").text("created", longest=64),
        packages=tuple(packages),
        relationships=sum(kind != "DESCRIBES" for _, kind, _ in edges),
    )


def _version(predicate: Mapping[str, object]) -> str:
    written = predicate.get("spdxVersion")
    if isinstance(written, str) and written in _VERSIONS:
        return _VERSIONS[written]
    if isinstance(written, str) or "@graph" in predicate:
        raise InvalidInput(
            "sbom_unsupported", "the SBOM is not SPDX 2.2 or 2.3", remedy="attest an SPDX 2.3 document as well"
        )
    raise InvalidInput(
        "sbom_malformed", "SPDX document.spdxVersion: the member is missing", remedy="generate the document again"
    )


def _edge(entry: OpenObject) -> tuple[str, str, str]:
    return entry.text("spdxElementId"), entry.text("relationshipType"), entry.text("relatedSpdxElement")


def _package(entry: OpenObject) -> Package:
    identifier = entry.text("SPDXID", longest=1024)
    if not _ID.fullmatch(identifier):
        raise entry.refuse("SPDXID", "SPDXRef- followed by letters, digits, dots and hyphens is expected")
    purls = [item.text("referenceLocator") for item in entry.sections("externalRefs") if _is_purl(item)]
    return Package(
        id=identifier,
        name=entry.text("name", may_be_empty=True),
        version=entry.text("versionInfo", ""),
        purl=purls[0] if purls else "",
        raw=entry.texts("licenseInfoFromFiles"),
        declared=entry.text("licenseDeclared", NOASSERTION, longest=_LONGEST_EXPRESSION) or NOASSERTION,
        concluded=entry.text("licenseConcluded", NOASSERTION, longest=_LONGEST_EXPRESSION) or NOASSERTION,
    )


def _is_purl(reference: OpenObject) -> bool:
    return reference.text("referenceType", "") == "purl"
