"""What real cosign signs with a private Sigstore of real parts, verified by Assay and by cosign alike."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE
from demo.stack import run_assay
from tests.fixtures.signed_images import (
    MANNERS,
    PREDICATE_TYPE,
    Signatory,
    render_configuration,
    verify_file,
    verify_image,
)

pytestmark = pytest.mark.tools

FULL_TILE = 256
BUNDLED = [name for name, manner in MANNERS.items() if not manner.legacy]


@pytest.mark.parametrize("name", MANNERS)
def test_what_cosign_signed_and_attested_is_verified(
    signatory: Signatory, host: str, name: str, tmp_path: Path
) -> None:
    manner, image = MANNERS[name], signatory.image(name, host)
    status, report = verify_image(image, signatory.trust(manner), manner.profile, tmp_path)
    assert (status, report["rejected"]) == (0, []), report
    found = {claim.get("predicate_type", "signature") for claim in report["claims"]}
    assert found == {"signature", *([PREDICATE_TYPE] if manner.attests else [])}
    for claim in report["claims"]:
        assert claim["authorities"] == ["asked"]
        assert len(claim["times"]) == 1
        assert len(claim["log_entries"]) == bool(manner.log)


@pytest.mark.parametrize("name", MANNERS)
def test_cosign_accepts_what_assay_accepts(signatory: Signatory, host: str, name: str) -> None:
    manner, image = MANNERS[name], signatory.image(name, host)
    options = [*signatory.trust(manner).for_cosign(), *manner.indulgence]
    kinds = {entry["critical"]["type"] for entry in json.loads(signatory.cosign.accept("verify", *options, image))}
    assert ("cosign container image signature" if manner.legacy else IMAGE_SIGNATURE) in kinds
    if manner.attests:
        attested = signatory.cosign.accept("verify-attestation", *options, "--type", PREDICATE_TYPE, image)
        assert json.loads(attested)["payloadType"] == PAYLOAD_TYPE


def test_a_legacy_attestation_with_a_timestamp_of_its_signature_is_refused_as_by_cosign_itself(
    signatory: Signatory, host: str, tmp_path: Path
) -> None:
    manner = MANNERS["legacy, timestamp alone"]
    image, trust = signatory.push("attested with a timestamp alone", host), signatory.trust(manner)
    signatory.run(manner, "sign", image)
    assert verify_image(image, trust, manner.profile, tmp_path)[1]["rejected"] == []
    signatory.attest(manner, image)
    status, report = verify_image(image, trust, manner.profile, tmp_path)
    assert (status, [item["code"] for item in report["rejected"]]) == (0, ["timestamp_invalid"])
    options = [*trust.for_cosign(), *manner.indulgence, "--type", PREDICATE_TYPE]
    assert "hashed messages don't match" in signatory.cosign.run("verify-attestation", *options, image).stderr


@pytest.mark.parametrize("name", BUNDLED)
def test_a_signed_file_is_verified_by_both(signatory: Signatory, name: str) -> None:
    manner = MANNERS[name]
    file, bundle = signatory.bundle(name)
    trust = signatory.trust(manner, signatory.sigstore.trusted_root(edit=manner.leave_only_what_it_uses))
    status, report = verify_file(file, bundle, trust)
    assert (status, report["rejected"]) == (0, None)
    options = ["--bundle", str(bundle), *trust.for_cosign(), *manner.indulgence]
    signatory.cosign.accept("verify-blob", *options, str(file))


@pytest.mark.parametrize("name", BUNDLED)
def test_another_file_under_the_same_bundle_is_refused_by_both(signatory: Signatory, name: str, tmp_path: Path) -> None:
    manner = MANNERS[name]
    file, bundle = signatory.bundle(name)
    trust = signatory.trust(manner, signatory.sigstore.trusted_root(edit=manner.leave_only_what_it_uses))
    other = tmp_path / "file"
    other.write_bytes(file.read_bytes() + b".")
    status, report = verify_file(other, bundle, trust)
    assert (status, report["rejected"]["code"]) == (1, "subject_mismatch")
    options = ["--bundle", str(bundle), *trust.for_cosign(), *manner.indulgence]
    assert signatory.cosign.run("verify-blob", *options, str(other)).returncode != 0


@pytest.mark.parametrize("name", BUNDLED)
def test_an_attested_file_is_verified_by_both(signatory: Signatory, name: str) -> None:
    manner = MANNERS[name]
    file, bundle = signatory.bundle(name, attested=True)
    trust = signatory.trust(manner, signatory.sigstore.trusted_root(edit=manner.leave_only_what_it_uses))
    status, report = verify_file(file, bundle, trust)
    assert (status, report["rejected"], report["claim"]["predicate_type"]) == (0, None, PREDICATE_TYPE)
    options = ["--bundle", str(bundle), "--type", PREDICATE_TYPE, *trust.for_cosign(), *manner.indulgence]
    signatory.cosign.accept("verify-blob-attestation", *options, str(file))


def test_a_process_of_its_own_says_the_same(signatory: Signatory, referrers_host: str, tmp_path: Path) -> None:
    trust, profile = signatory.trust(MANNERS["rekor v1"]), MANNERS["rekor v1"].profile
    file, bundle = signatory.bundle("rekor v1")
    image = signatory.image("rekor v1", referrers_host)
    configuration = tmp_path / "assay.yaml"
    for issuer, status in ((trust.issuer, 0), ("https://other.test", 1)):
        changed = replace(trust, issuer=issuer)
        configuration.write_text(render_configuration(changed, profile, [referrers_host]))
        identity = ["--identity", changed.identity, "--issuer", issuer, "--trusted-root", str(changed.root)]
        verified = run_assay("verify", "--config", str(configuration), image, check=False)
        assert (verified.returncode, verified.stdout.startswith("VERIFIED")) == (status, status == 0)
        verified = run_assay("verify-bundle", "--bundle", str(bundle), *identity, str(file), check=False)
        assert (verified.returncode, verified.stdout.startswith("VERIFIED")) == (status, status == 0)


def test_the_leaf_that_assay_names_is_what_the_log_serves(signatory: Signatory) -> None:
    manner = MANNERS["rekor v2"]
    file, bundle = signatory.bundle("rekor v2")
    _, report = verify_file(file, bundle, signatory.trust(manner))
    (named,) = report["claim"]["log_entries"]
    (entry,) = json.loads(bundle.read_bytes())["verificationMaterial"]["tlogEntries"]
    assert read_leaf(signatory.sigstore.small, named["leaf"]) == base64.b64decode(entry["canonicalizedBody"])
    assert (named["origin"], named["index"]) == (signatory.sigstore.world.tiles.name, None)


def read_leaf(url: str, index: int) -> bytes:
    """A leaf of the tiled log by its index, from the first bundle of entries (C2SP tlog-tiles)."""
    size = int(requests.get(f"{url}/tiles/checkpoint", timeout=10).text.splitlines()[1])
    assert index < size < FULL_TILE
    octets = requests.get(f"{url}/tiles/tile/entries/000.p/{size}", timeout=10).content
    leaves = []
    while octets:
        end = 2 + int.from_bytes(octets[:2], "big")
        leaves.append(octets[2:end])
        octets = octets[end:]
    return leaves[index]
