"""The policies that the cases ask a webhook to apply, and their rule data."""

from enum import StrEnum

from assay_misuse.signatory import BUILDER, SOURCE
from assay_misuse.workload import Json

TENANT = "misuse"
RELEASE = "release"
BOARD = ("first", "second", "third")
KEYLESS = "keyless"


class Policy(StrEnum):
    """One policy for each variation; the value names its environment in the rule data."""

    STANDARD = "standard"
    DENIED_LICENCE = "denied-licence"
    OTHER_REGISTRY = "other-registry"
    OTHER_BUILDER = "other-builder"
    OTHER_SOURCE = "other-source"
    TWO_OF_THREE = "two-of-three"
    KEYLESS = "keyless"
    LAX_LICENCES = "lax-licences"
    NO_SBOM = "no-sbom"
    ELSEWHERE = "elsewhere"
    SUBJECTS = "subjects"
    RUNAWAY = "runaway"


def rule_data(registry: str, *, standard_only: bool = False) -> Json:
    """The rule data of every policy for images in this registry: the standard one, and one change of it for each.

    `SUBJECTS` and `RUNAWAY` are left to whoever has a rule about subjects, and one that does not end.
    """
    standard = _standard(registry)
    if standard_only:
        return {TENANT: {Policy.STANDARD.value: standard}}
    mandatory = standard["mandatory"]
    without_sbom = [code for code in mandatory["evidence"] if code not in {"sbom.found", "licence.denied"}]
    variations: dict[Policy, Json] = {
        Policy.STANDARD: {},
        Policy.DENIED_LICENCE: {"denied_licences": ["MIT"]},
        Policy.OTHER_REGISTRY: {"allowed_registries": [f"{registry}/elsewhere"]},
        Policy.OTHER_BUILDER: {"builder_ids": [f"{BUILDER}/other"]},
        Policy.OTHER_SOURCE: {"source_prefixes": ["git+https://git.misuse.test/other"]},
        Policy.TWO_OF_THREE: {
            "authorities": {**standard["authorities"], "signature": {"names": list(BOARD), "threshold": 2}}
        },
        Policy.KEYLESS: {"authorities": _signed_by(standard, KEYLESS)},
        Policy.LAX_LICENCES: {"allow_unknown_licences": True},
        Policy.NO_SBOM: {"mandatory": {**mandatory, "evidence": without_sbom}},
        Policy.ELSEWHERE: {"allowed_registries": ["registry.misuse.test"]},
    }
    return {TENANT: {policy.value: {**standard, **change} for policy, change in variations.items()}}


def _signed_by(standard: Json, authority: str) -> Json:
    return {**standard["authorities"], "signature": {"names": [authority], "threshold": 1}}


def _standard(registry: str) -> Json:
    authority = {"names": [RELEASE], "threshold": 1}
    return {
        "authorities": {"signature": authority, "provenance": authority, "sbom": authority},
        "builder_ids": [BUILDER],
        "source_prefixes": [SOURCE],
        "allowed_registries": [registry],
        "denied_licences": ["AGPL-3.0-only"],
        "allow_unknown_licences": False,
        "mandatory": {
            "evidence": [
                "signature.authority",
                "provenance.builder",
                "provenance.source",
                "sbom.found",
                "licence.denied",
            ],
            "request": ["registry.allowed", "digest.required", "evidence.allowed"],
        },
    }
