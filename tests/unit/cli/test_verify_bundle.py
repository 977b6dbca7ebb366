"""`assay verify-bundle` over files that cosign and others wrote."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assay.bootstrap.composition import SystemComposition
from assay.cli.application import application
from assay.cli.verify_bundle import read_artefact
from assay.domain.errors import AssayError, ConfigError, InvalidInput

ASSETS = Path(__file__).parents[2] / "assets"
COSIGN = ASSETS / "cosign-v3-layouts"
BLOB = COSIGN / "blob" / "blob.txt"
DIGEST = "sha256:a0639d03e7e77d7630dffce7bfe26d51813d4c799f13821e5b6786e2736baaed"
KEYED = ["--bundle", COSIGN / "blob" / "key.sigstore.json"]
KEYLESS = ["--bundle", COSIGN / "blob" / "keyless.sigstore.json"]
ALICE = ["--identity", "alice@assay.test", "--issuer", "http://127.0.0.1:18080"]
ROOT = ["--trusted-root", COSIGN / "trusted_root.json"]
A = ["--key", COSIGN / "keys" / "a.pub"]
PUBLIC = ASSETS / "signatures" / "sigstore-python"
RELEASE = [
    "--identity",
    "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
    "--issuer",
    "https://token.actions.githubusercontent.com",
]


def run(*arguments: object) -> Result:
    words = ["verify-bundle", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(application, words, obj=SystemComposition())


def test_a_bundle_of_a_trusted_key_is_verified_for_a_file_and_for_its_digest() -> None:
    for artifact in (BLOB, DIGEST):
        result = run(*KEYED, *A, artifact)
        assert result.exit_code == 0
        assert result.output.startswith(
            f"VERIFIED  {DIGEST}\n└─ proven: image signature by a\n   ├─ signer: key sha256:"
        )


def test_another_key_or_artefact_is_refused_with_its_reason() -> None:
    other_key = run(*KEYED, "--key", COSIGN / "keys" / "b.pub", BLOB)
    assert other_key.exit_code == 1
    assert "signature_invalid" in other_key.output
    other_file = run(*KEYED, *A, COSIGN / "trusted_root.json")
    assert other_file.exit_code == 1
    assert "subject_mismatch" in other_file.output


def test_an_identity_is_verified_by_a_trusted_root_and_reported_as_json() -> None:
    result = run(*KEYLESS, *ALICE, *ROOT, "--output", "json", BLOB)
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert (answer["artifact"], answer["verified"], answer["rejected"]) == (DIGEST, True, None)
    assert answer["claim"]["signer"]["san"] == "alice@assay.test"
    assert [entry["origin"] for entry in answer["claim"]["log_entries"]] == ["rekor.test"]


def test_another_identity_is_refused_and_reported_as_json() -> None:
    bob = ["--identity", "bob@assay.test", "--issuer", "http://127.0.0.1:18080"]
    result = run(*KEYLESS, *bob, *ROOT, "--output", "json", BLOB)
    assert result.exit_code == 1
    answer = json.loads(result.output)
    assert (answer["verified"], answer["claim"], answer["rejected"]["code"]) == (False, None, "identity_mismatch")


def test_the_public_good_instance_judges_without_a_trusted_root() -> None:
    bundle = ["--bundle", PUBLIC / "bundle_v3_github.whl.sigstore"]
    passed = run(*bundle, *RELEASE, PUBLIC / "bundle_v3_github.whl")
    assert passed.exit_code == 0
    assert "2024-03-19T22:41:16+00:00" in passed.output
    assert run(*bundle, *RELEASE, *ROOT, PUBLIC / "bundle_v3_github.whl").exit_code == 1


def test_a_key_with_a_trusted_root_needs_a_log_entry() -> None:
    unlogged = run(*KEYED, *A, *ROOT, BLOB)
    assert unlogged.exit_code == 1
    assert "trust_profile_unmet" in unlogged.output
    assert run("--bundle", COSIGN / "blob" / "key-rekor2-tsa.sigstore.json", *A, *ROOT, BLOB).exit_code == 0


def test_an_attestation_about_the_file_is_verified() -> None:
    result = run("--bundle", COSIGN / "blob" / "keyless-attest.sigstore.json", *ALICE, *ROOT, BLOB)
    assert result.exit_code == 0
    assert "attestation https://slsa.dev/provenance/v1" in result.output


@pytest.mark.parametrize(
    "signer",
    [[], [*A, *ALICE], ["--identity", "alice@assay.test"], ["--issuer", "http://127.0.0.1"], [*A, *ALICE[2:]]],
)
def test_whom_to_trust_must_be_said_in_one_way(signer: list[str]) -> None:
    result = run(*KEYED, *signer, BLOB)
    assert result.exit_code == 2
    assert "name whom to trust" in result.output or "belong together" in result.output


def test_unusable_arguments_are_errors_of_use(tmp_path: Path) -> None:
    assert run(*A, BLOB).exit_code == 2
    assert run(*KEYED, *A).exit_code == 2
    assert run("--bundle", tmp_path / "missing", *A, BLOB).exit_code == 2
    for arguments, family in (
        ((*KEYED, *A, "sha256:00"), InvalidInput),
        ((*KEYED, "--key", BLOB, BLOB), ConfigError),
        ((*KEYLESS, *ALICE, "--trusted-root", BLOB, BLOB), ConfigError),
        ((*KEYLESS, "--identity", "nobody", "--issuer", "http://127.0.0.1", BLOB), ConfigError),
        ((*KEYED, *A, tmp_path / "missing"), OSError),
    ):
        error = run(*arguments).exception
        assert isinstance(error, family)
        assert isinstance(error, AssayError | OSError)


def test_a_bundle_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    result = run("--bundle", large, *A, BLOB)
    assert result.exit_code == 1
    assert "evidence_limit" in result.output


def test_a_large_file_is_known_by_its_digests(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(3 * 1024 * 1024))
    kept = read_artefact(str(large), kept_octets=3 * 1024 * 1024)
    known = read_artefact(str(large), kept_octets=1024 * 1024)
    assert (len(kept.octets or b""), known.octets) == (3 * 1024 * 1024, None)
    assert kept.known == known.known


def verify_image(*arguments: object) -> Result:
    words = ["verify", "--layout", str(COSIGN / "keyless-rekor2-tsa-sign"), *(str(argument) for argument in arguments)]
    return CliRunner().invoke(application, words, obj=SystemComposition())


def test_an_image_is_verified_for_an_identity() -> None:
    passed = verify_image(*ALICE, *ROOT)
    assert passed.exit_code == 0
    assert "proven: image signature by identity\n" in passed.output
    assert "signer: alice@assay.test, issuer http://127.0.0.1:18080 (bundle)\n" in passed.output
    assert "by timestamp\n" in passed.output
    assert "in the log rekor.test, leaf " in passed.output
    assert "identity: by the trust root trusted_root.json sha256:" in passed.output
    refused = verify_image(*ALICE[:1], "bob@assay.test", *ALICE[2:], *ROOT)
    assert refused.exit_code == 1
    assert "identity_mismatch" in refused.output


def test_an_image_is_verified_for_keys_and_identities_together() -> None:
    assert verify_image(*A, *ALICE, *ROOT).exit_code == 0
    assert verify_image(*A, *ROOT).exit_code == 1


@pytest.mark.parametrize("signer", [[], ALICE[:2], ROOT, [*A, "--config", BLOB], [*ROOT, "--config", BLOB]])
def test_an_image_is_verified_for_somebody_only(signer: list[str]) -> None:
    assert verify_image(*signer).exit_code == 2
