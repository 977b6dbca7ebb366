"""From signed predicates to the tables of the document: SBOMs with judged licences, provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import AttestationClaim, Gap, GapKind, Rejection
from assay.domain.limit import Limits
from assay.domain.provenance import Material, Provenance
from assay.domain.reason import GAP_CODES
from assay.domain.sbom import NOASSERTION, Package, Sbom
from assay.formats.cyclonedx import parse_cyclonedx
from assay.formats.provenance import PREDICATE_TYPE as PROVENANCE
from assay.formats.provenance import parse_provenance
from assay.formats.spdx import parse_spdx
from assay.licences.expression import LicenceFacts, judge

_ANY_PROVENANCE = "https://slsa.dev/provenance/"
_SPDX = "https://spdx.dev/Document"
_CYCLONEDX = "https://cyclonedx.org/bom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Tables of the document, and what went wrong on the way; `commits` are those that provenance names."""

    provenance: tuple[Mapping[str, object], ...]
    sboms: tuple[Mapping[str, object], ...]
    commits: tuple[str, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]


def predicate_kind(predicate_type: str) -> GapKind | None:
    """Which kind of fact a predicate type stands for, of any version; None for types no table is made of."""
    if predicate_type.startswith(_ANY_PROVENANCE):
        return GapKind.PROVENANCE
    if any(predicate_type == known or predicate_type.startswith(f"{known}/") for known in (_SPDX, _CYCLONEDX)):
        return GapKind.SBOM
    return None


def describe_predicates(attestations: Sequence[AttestationClaim], limits: Limits) -> Described:
    """Describe the predicates of these attestations; entries point back by index.

    A predicate that cannot be read adds a gap of its kind, so that every rule which needs that kind is
    indeterminate, and a rejection of the attestation; so does an SBOM with which all of them together have more than
    `limits.packages` packages.
    """
    provenance: list[Mapping[str, object]] = []
    sboms: list[Mapping[str, object]] = []
    unreadable: list[tuple[Gap, Rejection]] = []
    commits: list[str] = []
    judged: dict[str, LicenceFacts] = {}
    packages = 0
    for number, claim in enumerate(attestations):
        kind = predicate_kind(claim.predicate_type)
        if kind is None:
            continue
        try:
            if kind is GapKind.PROVENANCE:
                parsed = _parse_provenance(claim, limits)
                provenance.append(_provenance_entry(number, parsed))
                commits += [parsed.source.commit] if parsed.source and parsed.source.commit else []
            else:
                sbom = _parse_sbom(claim, most_packages=limits.packages - packages)
                packages += len(sbom.packages)
                sboms.append(_sbom_entry(number, sbom, judged))
        except InvalidInput as error:
            unreadable.append((_gap(kind, claim.item, error), _rejection(claim.item, error)))
    return Described(
        provenance=tuple(provenance),
        sboms=tuple(sboms),
        commits=tuple(commits),
        gaps=tuple(gap for gap, _ in unreadable),
        rejected=tuple(rejection for _, rejection in unreadable),
    )


def _parse_provenance(claim: AttestationClaim, limits: Limits) -> Provenance:
    if claim.predicate_type != PROVENANCE:
        raise InvalidInput(
            "provenance_unsupported",
            f"provenance of type {claim.predicate_type[:100]!r}",
            remedy=f"attest {PROVENANCE}",
        )
    return parse_provenance(claim.predicate, most_materials=limits.packages)


def _parse_sbom(claim: AttestationClaim, *, most_packages: int) -> Sbom:
    parse = parse_spdx if claim.predicate_type.startswith(_SPDX) else parse_cyclonedx
    return parse(claim.predicate, most_packages=most_packages)


def _gap(kind: GapKind, item: Digest, error: InvalidInput) -> Gap:
    return Gap(kind=kind, reason=GAP_CODES[error.code].reason, code=error.code, detail=item.text)


def _rejection(item: Digest, error: InvalidInput) -> Rejection:
    code = "bundle_unsupported" if error.code.endswith("_unsupported") else "bundle_malformed"
    return Rejection(id=item, code="evidence_limit" if error.code == "evidence_limit" else code, detail=error.message)


def _provenance_entry(number: int, provenance: Provenance) -> dict[str, object]:
    source = provenance.source or Material()
    return {
        "attestation": number,
        "version": "1",
        "builder": {"id": provenance.builder_id},
        "build_type": provenance.build_type,
        "invocation": {"id": provenance.invocation_id},
        "source": {
            "uri": source.uri,
            "commit": source.commit,
            "digest": source.digest.text if source.digest is not None else "",
        },
        "materials": [
            {"name": item.name, "uri": item.uri, "digest": dict(item.digests)} for item in provenance.materials
        ],
    }


def _sbom_entry(number: int, sbom: Sbom, judged: dict[str, LicenceFacts]) -> dict[str, object]:
    effective = [package.effective for package in sbom.packages]
    covered: dict[str, list[int]] = {}
    for index, expression in enumerate(effective):
        covered.setdefault(expression, []).append(index)
    for expression in covered:
        if expression not in judged:
            judged[expression] = judge(expression)
    return {
        "attestation": number,
        "format": sbom.format.value,
        "version": sbom.version,
        "created": sbom.created,
        "quality": {
            "packages": len(sbom.packages),
            "with_purl": sum(bool(package.purl) for package in sbom.packages),
            "with_version": sum(bool(package.version) for package in sbom.packages),
            "with_licence": sum(expression != NOASSERTION for expression in effective),
            "relationships": sbom.relationships,
        },
        "packages": [
            _package(package, expression, judged[expression].state.value)
            for package, expression in zip(sbom.packages, effective, strict=True)
        ],
        "licences": [_licence(judged[expression], packages) for expression, packages in covered.items()],
    }


def _package(package: Package, effective: str, state: str) -> dict[str, object]:
    return {
        "id": package.id,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "licence": {
            "raw": list(package.raw),
            "declared": package.declared,
            "concluded": package.concluded,
            "effective": effective,
            "state": state,
        },
    }


def _licence(facts: LicenceFacts, packages: list[int]) -> dict[str, object]:
    return {
        "expression": facts.expression,
        "state": facts.state.value,
        "required": list(facts.required),
        "choices": [list(choice) for choice in facts.choices],
        "packages": packages,
    }
