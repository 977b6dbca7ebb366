"""What Assay signs with a private Sigstore of real parts, by key and by identity, verified by cosign and by Assay."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.bootstrap.composition import SystemComposition
from assay.cli.application import application
from assay.domain.errors import AssayError
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE
from tests.fixtures.signed_images import MANNERS, PREDICATE_TYPE, Manner, Signatory, Trust, verify_image

pytestmark = pytest.mark.tools

SIGNED: Mapping[str, Manner] = {
    **{name: manner for name, manner in MANNERS.items() if manner.signer != "job" and manner.certified},
    "key, timestamp alone": Manner(services=("tsa",), signer="key"),
    "legacy, key, timestamp alone": Manner(services=("tsa",), signer="key", legacy=True),
}


def sign(signatory: Signatory, manner: Manner, name: str, trust: Trust, folder: Path) -> str:
    """Sign and, where the manner can, attest; the code of the error that this ends with."""
    sigstore, token, predicate = signatory.sigstore, folder / "token", folder / "predicate.json"
    token.write_text(sigstore.token("mail", address=trust.identity))
    predicate.write_text('{"reviewed": true}')
    keyless = ["--keyless", "--identity-token", str(token)]
    who = ["--key", str(signatory.key)] if manner.signer == "key" else keyless
    config = sigstore.signing_config(*manner.services, certified=manner.certified)
    services = ["--signing-config", str(config), "--trusted-root", str(trust.root)]
    form = ["--legacy"] if manner.legacy else []
    said = ["--type", PREDICATE_TYPE, "--predicate", str(predicate)]
    for command in ["sign", "attest"] if manner.attests else ["sign"]:
        call = [command, *who, *services, *form, *(said if command == "attest" else []), name]
        done = CliRunner().invoke(application, call, obj=SystemComposition())
        if done.exit_code:
            assert isinstance(done.exception, AssayError), done.output
            return done.exception.code
    return ""


@pytest.mark.parametrize("name", SIGNED)
def test_cosign_and_assay_verify_what_assay_had_vouched_for(
    signatory: Signatory, referrers_host: str, name: str, tmp_path: Path
) -> None:
    manner, image = SIGNED[name], signatory.push(f"by assay, {name}", referrers_host)
    root = signatory.sigstore.trusted_root(edit=manner.leave_only_what_it_uses)
    trust = signatory.trust(manner, root)
    assert not sign(signatory, manner, image, trust, tmp_path)
    status, report = verify_image(image, trust, manner.profile, tmp_path)
    assert (status, report["rejected"], len(report["claims"])) == (0, [], 1 + manner.attests), report
    assert {len(claim["log_entries"]) for claim in report["claims"]} == {int(bool(manner.log))}
    options = [*trust.for_cosign(), *manner.indulgence]
    kinds = {entry["critical"]["type"] for entry in json.loads(signatory.cosign.accept("verify", *options, image))}
    assert ("cosign container image signature" if manner.legacy else IMAGE_SIGNATURE) in kinds
    if manner.attests:
        attested = signatory.cosign.accept("verify-attestation", *options, "--type", PREDICATE_TYPE, image)
        assert json.loads(attested)["payloadType"] == PAYLOAD_TYPE


def test_a_trust_root_that_demands_a_log_takes_no_timestamp_alone(
    signatory: Signatory, referrers_host: str, tmp_path: Path
) -> None:
    manner, image = SIGNED["key, timestamp alone"], signatory.push("without a log", referrers_host)
    assert sign(signatory, manner, image, signatory.trust(manner), tmp_path) == "evidence_unverified"
    root = signatory.sigstore.trusted_root(edit=manner.leave_only_what_it_uses)
    assert not sign(signatory, manner, image, signatory.trust(manner, root), tmp_path)
