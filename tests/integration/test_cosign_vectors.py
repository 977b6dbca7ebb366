"""What real cosign wrote: every layout and file is collected and verified, and gets the stated verdict and reason."""

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.registry.layout import OciLayout
from assay.domain.digest import Digest
from assay.domain.evidence import (
    AttestationClaim,
    Claim,
    Rejection,
    SignatureClaim,
)
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.reference import Reference
from assay.formats.public_key import parse_public_key
from assay.formats.trusted_root import parse_trusted_root
from assay.usecases.verify_image import verify_image
from assay.verification.identity import IdentityPattern
from assay.verification.item import verify_bundle
from assay.verification.message import Message
from assay.verification.root_builder import build_trust_root
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustProfile, TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.oci import soon

Json = dict[str, Any]
ASSETS = Path(__file__).parents[1] / "assets" / "cosign-v3-layouts"
TABLE = json.loads((ASSETS / "expected.json").read_bytes())
TYPES = {
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "spdxjson": "https://spdx.dev/Document",
    "cyclonedx": "https://cyclonedx.org/bom",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "custom": "https://cosign.sigstore.dev/attestation/v1",
}
WORKFLOW_FLAG = "--certificate-github-workflow-"
REASONS = {
    "other key": {"signature_invalid"},
    "b signed the bundle only": {"signature_invalid"},
    "other identity": {"identity_mismatch"},
    "other issuer": {"identity_mismatch"},
    "other branch": {"identity_mismatch"},
    "other repository extension": {"identity_mismatch"},
    "no certificate": {"identity_mismatch"},
    "certificate bundle, key asked": {"identity_mismatch"},
    "certificate without SCT": {"sct_missing"},
    "no log entry": {"trust_profile_unmet"},
    "no log entry, log required": {"trust_profile_unmet"},
    "no timestamp, timestamp required": {"trust_profile_unmet"},
    "no RFC 3161 timestamp: the log's integrated time is the only one": {"trust_profile_unmet"},
}
"""What the stated reasons are called here; other reasons lie in what was signed, not in how."""


@cache
def trust(profile: TrustProfile) -> TrustRoot:
    document = parse_trusted_root((ASSETS / "trusted_root.json").read_bytes(), limits=Limits())
    return build_trust_root(document, profile, "own")


def profile(flags: list[str]) -> TrustProfile:
    unlogged = "--insecure-ignore-tlog" in flags
    return TrustProfile(
        log_entries=0 if unlogged else 1,
        scts=0 if "--insecure-ignore-sct" in flags else 1,
        timestamps=1 if unlogged or "--use-signed-timestamps" in flags else 0,
    )


def authority(check: Json, root: str) -> Authority:
    if "key" in check:
        return Authority(name="asked", keys=(parse_public_key((ASSETS / check["key"]).read_bytes()),), root=root)
    flags = [flag.removeprefix(WORKFLOW_FLAG) for flag in check.get("flags", []) if flag.startswith(WORKFLOW_FLAG)]
    claims = [flag.partition("=") for flag in flags]
    pattern = IdentityPattern(
        issuer=_pattern(check, "issuer"),
        san=_pattern(check, "identity"),
        extensions=tuple((f"github_workflow_{name}", TextPattern(exact=value)) for name, _, value in claims),
    )
    return Authority(name="asked", identities=(pattern,), root=root)


def _pattern(check: Json, name: str) -> TextPattern:
    return TextPattern(exact=check.get(name, ""), regex=check.get(f"{name}_regexp", ""))


def roots(check: Json) -> dict[str, TrustRoot]:
    return {"own": trust(profile(check.get("flags", [])))} if check.get("trusted_root") else {}


def verify(case: str, check: Json) -> tuple[tuple[Claim, ...], tuple[Rejection, ...]]:
    registry = OciLayout.open(ASSETS, case, limits=Limits())
    reference = Reference.parse(f"layout.invalid/image@{check['digest']}")
    known = roots(check)
    authorities = [authority(check, next(iter(known), ""))]
    verification = verify_image(registry, reference, TrustSnapshot.of(authorities, known), soon())
    return verification.claims, verification.rejected


def answers(claim: Claim, check: Json) -> bool:
    """Whether a claim is what the check asks for."""
    if "--new-bundle-format=false" in check.get("flags", []) and claim.format != "cosign":
        return False
    match claim:
        case SignatureClaim():
            wanted = check.get("annotations", {}).items()
            return bool(check["command"] == "verify" and wanted <= dict(claim.annotations).items())
        case AttestationClaim():
            wanted_type = TYPES.get(check.get("type", ""), check.get("type"))
            return bool(check["command"] == "verify-attestation" and claim.predicate_type == wanted_type)


CHECKS = {
    f"{case} {number}": (case, check)
    for case, content in TABLE["cases"].items()
    for number, check in enumerate(content["checks"])
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_layout_of_cosign_gets_its_verdict(name: str) -> None:
    case, check = CHECKS[name]
    claims, rejected = verify(case, check)
    passed = any(answers(claim, check) for claim in claims)
    assert passed is (check.get("assay", check["expect"]) == "pass"), rejected


@pytest.mark.parametrize("name", [name for name, (_, check) in CHECKS.items() if check.get("why") in REASONS])
def test_a_layout_of_cosign_fails_for_the_stated_reason(name: str) -> None:
    case, check = CHECKS[name]
    _, rejected = verify(case, check)
    codes = {rejection.code for rejection in rejected}
    assert codes & REASONS[check["why"]]
    assert codes <= REASONS[check["why"]] | {"bundle_unsupported", "unsigned"}


def blob_check(blob: Json) -> Json:
    """The check that a command line of cosign stands for."""
    words = iter(shlex.split(blob["cosign"])[1:])
    options = {word: "" if word == "--insecure-ignore-tlog" else next(words) for word in words}
    names = {"--key": "key", "--certificate-identity": "identity", "--certificate-oidc-issuer": "issuer"}
    return {
        **{names[word]: value for word, value in options.items() if word in names},
        "trusted_root": "--trusted-root" in options,
        "type": options.get("--type", ""),
        "command": "verify-attestation" if "--type" in options else "verify",
    }


@pytest.mark.parametrize("blob", TABLE["blobs"], ids=lambda blob: blob["cosign"])
def test_a_file_that_cosign_signed_gets_its_verdict(blob: Json) -> None:
    check = blob_check(blob)
    known = roots(check)
    outcome = verify_bundle(
        (ASSETS / blob["bundle"]).read_bytes(),
        artefact=Message(octets=(ASSETS / blob["artifact"]).read_bytes()),
        authorities=[authority(check, next(iter(known), ""))],
        roots=known,
        limits=Limits(),
    )
    if isinstance(outcome, Rejection):
        assert blob["expect"] == "fail"
        assert outcome.code == ("identity_mismatch" if "identity" in check else "signature_invalid")
    else:
        assert answers(outcome, check) is (blob["expect"] == "pass")


def test_every_case_has_a_layout() -> None:
    for case, content in TABLE["cases"].items():
        Digest(content["image_digest"])
        assert (ASSETS / case / "oci-layout").is_file()
