"""Bundles that others wrote: every one gets the verdict, and the reason, that its source states."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from assay.domain.errors import EvidenceRejected, InvalidInput
from assay.domain.evidence import Claim, Rejection, SignatureClaim
from assay.domain.identity import Authority, PublicKey
from assay.domain.limit import Limits
from assay.domain.signer import SignerIdentity
from assay.formats.provenance import parse_provenance
from assay.formats.public_key import parse_public_key
from assay.verification.item import verify_bundle
from assay.verification.message import Message
from assay.verification.timestamp import verify_timestamps
from tests.fakes.vectors import ASSETS, UNKNOWN, Json, artefact, exactly, first_subject, rows, signer, trust

TABLE = {f"{row['bundle']} {row['trusted_root']} {row['artifact']}": row for row in rows()}
CODES = {
    "sigstore-python/bundle_cve_2022_36056.txt.sigstore": "log_entry_mismatch",
    "sigstore-python/bundle.txt.sigstore": "subject_mismatch",
    "sigstore-python/bundle_v3.txt.sigstore": "log_proof_invalid",
    "sigstore-python/bundle_invalid_version.txt.sigstore": "bundle_malformed",
    "sigstore-python/bundle_no_cert_v1.txt.sigstore": "bundle_malformed",
    "sigstore-python/bundle_no_checkpoint.txt.sigstore": "bundle_malformed",
    "sigstore-python/bundle_no_log_entry.txt.sigstore": "trust_profile_unmet",
    "sigstore-python/bundle_v3_no_signed_time.txt.sigstore.json": "no_verified_time",
    "sigstore-python/integration/Python-3.12.5.tgz.sigstore": "bundle_malformed",
    "sigstore-python/tsa/bundle.txt.sigstore": "timestamp_invalid",
    "sigstore-python/tsa/bundle.many_timestamp.sigstore": "evidence_limit",
    "sigstore-python/tsa/bundle.duplicate.sigstore": "bundle_malformed",
    "sigstore-python/tsa/bundle.txt.late_timestamp.sigstore": "certificate_expired",
    "sigstore-go/bundles/dsse-2sigs.sigstore.json": "bundle_malformed",
    "sigstore-go/bundles/public-key-validity.sigstore.json": "identity_mismatch",
    "sigstore-js/bundles/bundleV01-full-cert-chain.sigstore": "bundle_malformed",
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TSA_ROW = next(row for row in TABLE.values() if row["bundle"] == "sigstore-python/tsa/bundle.txt.sigstore")
OTHER_NAME_ROW = next(row for row in TABLE.values() if "othername" in row["bundle"])


def holder(row: Json, octets: bytes) -> Authority:
    """The authority whom the bundle's own signer meets."""
    if "public-key-validity" not in row["bundle"]:
        return exactly(signer(octets), row["trusted_root"])
    return window(row, EPOCH, EPOCH + timedelta(seconds=1))


def window(row: Json, start: datetime | None, end: datetime | None) -> Authority:
    spki = parse_public_key((ASSETS / "sigstore-go" / "public-keys" / "public-key-validity.pem").read_bytes()).spki
    key = PublicKey(spki=spki, valid_from=start, valid_until=end)
    return Authority(name="key", keys=(key,), root=row["trusted_root"])


def judge(
    row: Json, *, authority: Authority | None = None, edit: Callable[[Json], object] | None = None
) -> Claim | Rejection:
    octets = (ASSETS / row["bundle"]).read_bytes()
    if edit is not None:
        document = json.loads(octets)
        edit(document["verificationMaterial"])
        octets = json.dumps(document).encode()
    root = trust(row["trusted_root"])
    return verify_bundle(
        octets,
        artefact=artefact(row),
        authorities=[authority or holder(row, octets)],
        roots={root.name: root},
        limits=Limits(),
    )


def word(outcome: Claim | Rejection) -> str:
    return outcome.code if isinstance(outcome, Rejection) else "pass"


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row["verdict"] == "pass"])
def test_a_bundle_that_holds_passes(name: str) -> None:
    row = TABLE[name]
    # npm names packages by SHA-512 alone, and a subject counts by its SHA-256. That the subject is what is missing
    # says that everything else has passed: profile, times, chain, log, signature and logged body come before it.
    names_nothing = row["artifact"] is None and first_subject((ASSETS / row["bundle"]).read_bytes()) == UNKNOWN
    assert word(judge(row)) == ("subject_mismatch" if names_nothing else "pass")


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row["verdict"] == "fail"])
def test_a_bundle_that_does_not_hold_is_rejected_for_the_stated_reason(name: str) -> None:
    outcome = judge(TABLE[name])
    assert isinstance(outcome, Rejection)
    assert outcome.code == CODES[TABLE[name]["bundle"]], outcome.detail


def test_two_signatures_and_a_root_in_the_chain_are_each_a_reason() -> None:
    # The twin with one signature carries the root as its sibling does: early npm bundles do, and are refused for it.
    details = {}
    for name in ("dsse-2sigs", "dsse"):
        outcome = judge(next(row for row in TABLE.values() if row["bundle"].endswith(f"/{name}.sigstore.json")))
        assert isinstance(outcome, Rejection)
        details[name] = outcome.detail
    assert "exactly one signature" in details["dsse-2sigs"]
    assert "root" in details["dsse"]


def test_a_passing_bundle_names_its_signer_times_and_log_entries() -> None:
    row = next(row for row in TABLE.values() if "bundle_v3_github" in row["bundle"])
    claim = judge(row)
    assert isinstance(claim, SignatureClaim)
    assert isinstance(claim.signer, SignerIdentity)
    assert claim.signer.issuer == "https://token.actions.githubusercontent.com"
    assert [entry.time for entry in claim.log_entries] == list(claim.times)
    assert claim.log_entries[0].origin.startswith("rekor.sigstore.dev - ")


def _first_token_only(material: Json) -> None:
    del material["timestampVerificationData"]["rfc3161Timestamps"][1:]


def _no_promise(material: Json) -> None:
    _first_token_only(material)
    del material["tlogEntries"][0]["inclusionPromise"]


def _no_promise_and_time(material: Json) -> None:
    _no_promise(material)
    del material["tlogEntries"][0]["integratedTime"]


def _promise_without_its_time(material: Json) -> None:
    _first_token_only(material)
    del material["tlogEntries"][0]["integratedTime"]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (_first_token_only, "pass"),
        (_no_promise, "pass"),
        (_no_promise_and_time, "pass"),
        (_promise_without_its_time, "bundle_malformed"),
    ],
)
def test_a_timestamp_stands_in_for_a_promise_but_not_for_its_time(
    edit: Callable[[Json], object], expected: str
) -> None:
    assert word(judge(TSA_ROW, edit=edit)) == expected


def test_another_name_is_matched_as_what_it_is() -> None:
    own = signer((ASSETS / OTHER_NAME_ROW["bundle"]).read_bytes())
    assert (own.san, own.san_type, own.issuer) == ("foo!oidc.local", "other_name", "http://oidc.local:8080")
    for san, san_type in (("foo@oidc.local", "other_name"), ("foo!oidc.local", "email"), ("foo@oidc.local", "email")):
        other = SignerIdentity(issuer=own.issuer, san=san, san_type=san_type)
        assert word(judge(OTHER_NAME_ROW, authority=exactly(other, OTHER_NAME_ROW["trusted_root"]))) == (
            "identity_mismatch"
        )


def test_cve_2026_54787_a_key_counts_in_its_window_only() -> None:
    row = next(row for row in TABLE.values() if "public-key-validity" in row["bundle"])
    claim = judge(row, authority=window(row, None, None))
    assert isinstance(claim, SignatureClaim)
    (signed_at,) = claim.times
    second = timedelta(seconds=1)
    assert word(judge(row, authority=window(row, signed_at, signed_at))) == "pass"
    assert word(judge(row, authority=window(row, signed_at, None))) == "pass"
    assert word(judge(row, authority=window(row, signed_at + second, None))) == "identity_mismatch"
    assert word(judge(row, authority=window(row, None, signed_at - second))) == "identity_mismatch"


def test_cve_2026_54787_a_key_with_a_window_needs_a_time() -> None:
    row = next(row for row in TABLE.values() if "public-key-validity" in row["bundle"])
    key = window(row, EPOCH, None).keys
    octets = (ASSETS / row["bundle"]).read_bytes()
    for keys, expected in ((key, "no_verified_time"), (window(row, None, None).keys, "pass")):
        offline = Authority(name="offline", keys=keys)
        outcome = verify_bundle(
            octets, artefact=Message(octets=b"test content"), authorities=[offline], limits=Limits()
        )
        assert word(outcome) == expected


EXAMPLES = ASSETS / "sigstore-go" / "examples"


def example(name: str, *, edit: Callable[[Json], object] = lambda _: None) -> Claim | Rejection:
    """An attestation of npm, judged by its own signer under the production root."""
    document = json.loads((EXAMPLES / f"bundle-{name}.json").read_bytes())
    edit(document)
    octets, root = json.dumps(document).encode(), trust("sigstore production")
    key = parse_public_key((EXAMPLES / "publish_key.pub").read_bytes())
    asked = (
        Authority(name="npm", keys=(key,), root=root.name) if name == "publish" else exactly(signer(octets), root.name)
    )
    return verify_bundle(
        octets,
        artefact=Message.of_digest(UNKNOWN),
        authorities=[asked],
        roots={root.name: root},
        limits=Limits(),
    )


def _without_root(bundle: Json) -> None:
    del bundle["verificationMaterial"]["x509CertificateChain"]["certificates"][-1]


def _other_payload(bundle: Json) -> None:
    bundle["dsseEnvelope"]["payloadType"] += "x"


def test_an_attestation_of_npm_holds_but_for_its_subject_which_has_no_sha_256() -> None:
    # The subject comes behind profile, times, chain, log, signature and logged body: all of them hold.
    assert word(example("publish")) == "subject_mismatch"
    assert word(example("publish", edit=_other_payload)) == "signature_invalid"
    assert word(example("provenance", edit=_without_root)) == "subject_mismatch"
    assert word(example("provenance")) == "bundle_malformed"


def test_a_timestamp_that_brings_no_certificate_holds_where_its_signer_is_configured() -> None:
    folder = ASSETS / "sigstore-python" / "tsa"
    token, message = ((folder / f"issue1482-{name}").read_bytes() for name in ("timestamp-with-no-cert", "message"))
    (time,) = verify_timestamps([token], message, trust("sigstore staging"))
    assert time == datetime(2025, 7, 25, 19, 53, 4, tzinfo=UTC)
    for octets, root in ((message + b"x", "sigstore staging"), (message, "sigstore production")):
        with pytest.raises(EvidenceRejected) as caught:
            verify_timestamps([token], octets, trust(root))
        assert caught.value.code == "timestamp_invalid"


@pytest.mark.parametrize(("version", "expected"), [("1_0", ""), ("0_2", "provenance_malformed")])
def test_a_predicate_of_provenance_is_read_in_the_one_version_that_is_supported(version: str, expected: str) -> None:
    file = ASSETS / "sigstore-python" / "integration" / "attest" / f"slsa_predicate_v{version}.json"
    code = ""
    try:
        assert parse_provenance(json.loads(file.read_bytes()), most_materials=1).source is not None
    except InvalidInput as error:
        code = error.code
    assert code == expected
