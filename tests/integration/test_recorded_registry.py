"""A registry that another project recorded: every image of its table gets the stated verdict, for the stated reason.

The threshold counts signers and the required names are names of authorities, as the rules of the policy count them.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import GapKind
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.formats.certificate import parse_certificate_text
from assay.formats.public_key import parse_public_key
from assay.usecases.verify_image import Verification, verify_image
from assay.verification.identity import IdentityPattern, SanType
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.oci import image, soon
from tests.fakes.registry import FakeRegistry
from tests.fakes.vectors import ASSETS, trust

Json = dict[str, Any]
RECORDED = ASSETS / "connaisseur-registry"
STORED = RECORDED / "securesystemsengineering" / "testimage"
TABLE = json.loads((RECORDED / "expected.json").read_bytes())
ROWS = {
    f"{row['image']} {row['trust_root']} {row.get('threshold') or row.get('required') or ''}".strip(): row
    for row in TABLE["cases"]
}
PASSING = [name for name, row in ROWS.items() if row["verdict"] == "pass"]
PUBLIC_GOOD = "sigstore production"
CLIENT = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())
CODES = {
    "testimage:multi-cosigned-alice-bob-charlie * 3": {"signature_invalid"},
    "testimage:multi-cosigned-alice * ['bob']": set(),
    "testimage:multi-cosigned-alice * ['bob', 'alice']": set(),
    "testimage:co-unsigned alice": {"absent"},
    "testimage:co-unsigned *": {"absent"},
    "testimage charlie": {"all_rejected", "signature_invalid"},
    "testimage:keyless bob-keyless": {"all_rejected", "identity_mismatch"},
}
"""What is said where not enough signed; nothing needs to be said of a signature that merely is not there."""


@pytest.fixture(scope="module")
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        for file in STORED.glob("blobs/*.json"):
            fake.put_blob("testimage", file.read_bytes())
        for file in STORED.glob("manifests/*.json"):
            # Of the unsigned image nothing was recorded: any image will do.
            octets = image() if file.stem == "co-unsigned" else file.read_bytes()
            fake.put_manifest("testimage", octets, json.loads(octets).get("mediaType", OCI_MANIFEST), tag=file.stem)
        yield fake


def validator(name: str) -> Json:
    document: Json = yaml.safe_load((RECORDED / "validators" / f"{name}.yaml").read_bytes())
    return document


def authority(entry: Json) -> Authority:
    """An authority of the table; its patterns may match anywhere, ours match the whole text."""
    if "key" in entry:
        return Authority(name=entry["name"], keys=(parse_public_key(entry["key"].encode()),))
    asked = entry["keyless"]
    san = TextPattern(exact=asked.get("subject", ""), regex=_anywhere(asked.get("subjectRegex", "")))
    pattern = IdentityPattern(
        issuer=TextPattern(regex=_anywhere(asked["issuerRegex"])), san=san, san_type=SanType.EMAIL
    )
    return Authority(name=entry["name"], identities=(pattern,), root=PUBLIC_GOOD)


def _anywhere(regex: str) -> str:
    return f".*(?:{regex}).*" if regex else ""


def stored_authority(name: str) -> Authority:
    return Authority(name=name, keys=(parse_public_key((RECORDED / "keys" / f"{name}.pub").read_bytes()),))


def authorities(row: Json) -> list[Authority]:
    """Those whom the row asks for; for one whom the validator does not know, the key that lies beside it."""
    found = [authority(entry) for entry in validator(row["validator"])["trustRoots"]]
    known = [each for each in found if row["trust_root"] in {"*", each.name}]
    return known or [stored_authority(row["trust_root"])]


def verify(registry: FakeRegistry, row: Json) -> Verification:
    reference = registry.reference("testimage", tag=row["image"].partition(":")[2] or "multi-cosigned-alice")
    roots = {PUBLIC_GOOD: trust(PUBLIC_GOOD)}
    return verify_image(CLIENT, reference, TrustSnapshot.of(authorities(row), roots), soon(60))


def holds(verification: Verification, row: Json) -> bool:
    named = {name for claim in verification.claims for name in claim.authorities}
    signers = {claim.signer.id for claim in verification.claims}
    return len(signers) >= row.get("threshold", 1) and named >= set(row.get("required", []))


@pytest.mark.parametrize("name", PASSING)
def test_a_recorded_image_passes_with_the_digest_that_was_signed(registry: FakeRegistry, name: str) -> None:
    verification = verify(registry, ROWS[name])
    assert holds(verification, ROWS[name]), verification.rejected
    assert verification.signed
    assert verification.artefact.digest == Digest(ROWS[name]["digest"])


@pytest.mark.parametrize("name", CODES)
def test_a_recorded_image_without_the_wanted_signatures_fails(registry: FakeRegistry, name: str) -> None:
    verification = verify(registry, ROWS[name])
    assert not holds(verification, ROWS[name])
    missing = {gap.code for gap in verification.gaps if gap.kind is GapKind.SIGNATURE}
    assert missing | {rejection.code for rejection in verification.rejected} == CODES[name]


def test_a_recorded_image_that_does_not_exist_is_told_from_an_unsigned_one(registry: FakeRegistry) -> None:
    with pytest.raises(InvalidInput) as caught:
        verify(registry, ROWS["testimage:co-nonexistent *"])
    assert caught.value.code == "manifest_unknown"


def test_every_recorded_case_is_tested() -> None:
    assert {*PASSING, *CODES, "testimage:co-nonexistent *"} == set(ROWS)


def key(name: str, field: str) -> object:
    return parse_public_key(validator(name)["host"][field].encode())


def certificate(name: str, field: str) -> object:
    return parse_certificate_text(validator(name)["host"][field], what="the certificate", limits=Limits())


@pytest.mark.parametrize(
    ("name", "field", "parse", "code"),
    [
        ("12_invalid_rekor_pub_key", "rekorPubkey", key, "key_malformed"),
        ("13_invalid_fulcio_cert", "fulcioCert", certificate, "bundle_malformed"),
        ("14_invalid_ct_log_pub_key", "ctLogPubkey", key, "key_malformed"),
    ],
)
def test_recorded_trust_that_is_damaged_is_refused(
    name: str, field: str, parse: Callable[[str, str], object], code: str
) -> None:
    assert parse("11_keyless", field)
    with pytest.raises(InvalidInput) as caught:
        parse(name, field)
    assert caught.value.code == code
    assert name in TABLE["config_errors"]


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_the_recorded_keys_are_those_of_the_validator(name: str) -> None:
    (entry,) = (each for each in validator("01_cosign")["trustRoots"] if each["name"] == name)
    assert stored_authority(name) == authority(entry)


def test_the_third_signature_counts_as_soon_as_its_key_is_known(registry: FakeRegistry) -> None:
    row = ROWS["testimage:multi-cosigned-alice-bob-charlie * 3"]
    known = [stored_authority(name) for name in ("alice", "bob", "charlie", "default")]
    reference = registry.reference("testimage", tag="multi-cosigned-alice-bob-charlie")
    verification = verify_image(CLIENT, reference, TrustSnapshot.of(known, {}), soon(60))
    assert holds(verification, row)
    assert verification.rejected == ()
