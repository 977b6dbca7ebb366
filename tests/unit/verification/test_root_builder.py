"""Trust roots: what loads, and what is refused before anything is verified with it."""

import hashlib
import json
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.limit import Limits
from assay.formats.base64text import encode_base64
from assay.formats.trusted_root import parse_trusted_root
from assay.verification.root_builder import build_trust_root
from assay.verification.trust_root import TrustProfile, TrustRoot
from tests.fakes.certificate import NOW, YEAR, FakeCertificateAuthority, curve_key, private_key, spki
from tests.fakes.der import tlv
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.transparency import Edit, Json
from tests.fakes.trusted_root import ALWAYS, render_authority
from tests.fakes.vectors import ASSETS

WORLD = FakeSigstore()
TABLE: dict[str, str] = json.loads((ASSETS / "expected.json").read_bytes())["trusted_roots"]
AUTHORITY_FILE = "sigstore-python/trusted_root/certificate_authority.json"


def load(octets: bytes, profile: TrustProfile | None = None) -> TrustRoot:
    document = parse_trusted_root(octets, limits=Limits())
    return build_trust_root(document, profile or TrustProfile.public_good(), "own")


def edited(edit: Edit) -> TrustRoot:
    return load(WORLD.trusted_root(edit=edit))


@pytest.mark.parametrize("name", [name for name in TABLE if "certificate_authority" not in name])
def test_a_root_that_others_wrote_loads_or_is_refused_as_its_source_states(name: str) -> None:
    octets = (ASSETS / name).read_bytes()
    if TABLE[name] == "loads":
        assert load(octets).logs
        return
    with pytest.raises(InvalidInput) as caught:
        load(octets)
    assert caught.value.code == "trusted_root_invalid"
    assert "media type" in caught.value.message


def test_the_chain_of_a_timestamp_authority_is_none_of_a_certificate_authority() -> None:
    chain = json.loads((ASSETS / AUTHORITY_FILE).read_bytes())
    (stamper,) = edited(lambda root: root.update(timestampAuthorities=[chain])).timestamp_authorities
    assert (stamper.signer is not None, len(stamper.issuers)) == (True, 2)
    with pytest.raises(ConfigError) as caught:
        edited(lambda root: root.update(certificateAuthorities=[chain]))
    assert caught.value.code == "trusted_root_invalid"


@pytest.mark.parametrize("name", ["certificate_authority.empty.json", "certificate_authority.missingroot.json"])
@pytest.mark.parametrize("kind", ["timestampAuthorities", "certificateAuthorities"])
def test_a_chain_without_its_root_is_refused(name: str, kind: str) -> None:
    chain = json.loads((ASSETS / "sigstore-python" / "trusted_root" / name).read_bytes())
    with pytest.raises((InvalidInput, ConfigError)) as caught:
        edited(lambda root: root.update({kind: [chain]}))
    assert caught.value.code == "trusted_root_invalid"


def test_an_authority_whose_certificate_may_not_stamp_loads_with_a_warning() -> None:
    lax = replace(WORLD, tsa=FakeTimestampAuthority(critical=False))
    root = load(lax.trusted_root())
    assert len(root.warnings) == 1
    assert "time stamping alone" in root.timestamp_authorities[0].unsuitable
    assert load(WORLD.trusted_root()).warnings == ()


def test_a_timestamp_authority_may_be_known_by_its_root_alone() -> None:
    (stamper,) = edited(lambda root: _certificates(root, "timestampAuthorities").pop(0)).timestamp_authorities
    assert (stamper.signer, stamper.unsuitable) == (None, "")
    assert [issuer.certificate for issuer in stamper.issuers] == [WORLD.tsa.root]


def test_the_generation_of_a_log_follows_from_its_id() -> None:
    root = load(WORLD.trusted_root())
    assert {log.name: log.generation for log in root.logs.values()} == {WORLD.log.name: 1, WORLD.tiles.name: 2}
    key = private_key("ed", "ed25519")

    def first_generation(document: Json) -> None:
        document["tlogs"][0]["publicKey"] |= {"rawBytes": encode_base64(spki(key)), "keyDetails": "PKIX_ED25519"}
        document["tlogs"][0]["logId"]["keyId"] = encode_base64(_sha256(spki(key)))

    log = next(iter(edited(first_generation).logs.values()))
    assert log.generation == 1
    assert isinstance(log.key, ed25519.Ed25519PublicKey)


def _sha256(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def _certificates(root: Json, kind: str) -> list[Json]:
    certificates: list[Json] = root[kind][0]["certChain"]["certificates"]
    return certificates


def _set_key(kind: str, **members: str) -> Edit:
    return lambda root: root[kind][0]["publicKey"].update(members)


def _set_id(kind: str, log_id: bytes) -> Edit:
    return lambda root: root[kind][0]["logId"].update(keyId=encode_base64(log_id))


def _foreign(kind: str, number: int, certificate: x509.Certificate) -> Edit:
    octets = encode_base64(certificate.public_bytes(Encoding.DER))
    return lambda root: _certificates(root, kind)[number].update(rawBytes=octets)


def _swapped_authority(**changes: object) -> Edit:
    authority = replace(FakeCertificateAuthority(), **changes)  # type: ignore[arg-type]  # one of its fields
    return lambda root: root.update(certificateAuthorities=[render_authority(authority.chain, "", ALWAYS)])


def _unreadable() -> x509.Certificate:
    key = WORLD.authority.issuing_key
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(WORLD.tsa.root.subject)
    builder = builder.public_key(key.public_key()).serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    constraints = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"\x05\x00")
    return builder.add_extension(constraints, critical=True).sign(key, SHA384())


OTHER = FakeCertificateAuthority(name="other")
P224 = encode_base64(spki(private_key("weak", "p224")))
P384 = encode_base64(spki(private_key("strong", "p384")))
ED25519 = spki(private_key("ed", "ed25519"))
DEFECTS: dict[str, Edit] = {
    "a log without a start": lambda root: root["tlogs"][0]["publicKey"].pop("validFor"),
    "a CT log without a start": lambda root: root["ctlogs"][0]["publicKey"]["validFor"].pop("start"),
    "a timestamp authority without a start": lambda root: root["timestampAuthorities"][0].pop("validFor"),
    "a window that ends before it starts": lambda root: root["tlogs"][0]["publicKey"]["validFor"].update(
        end="2001-01-01T00:00:00Z"
    ),
    "a key that is none": _set_key("tlogs", rawBytes="AAAA"),
    "a weak key": _set_key("tlogs", rawBytes=P224),
    "a key of another kind": _set_key("tlogs", rawBytes=P384),
    "a kind of key that is unknown": _set_key("tlogs", keyDetails="PKIX_ECDSA_P256_HMAC_SHA_256"),
    "the id of another key": _set_id("tlogs", bytes(32)),
    "the id of another key of a CT log": _set_id("ctlogs", bytes(32)),
    "an id of another length": lambda root: root["tlogs"][1]["logId"].update(keyId=encode_base64(bytes(4))),
    "a CT log that signs with Ed25519": lambda root: (
        root["ctlogs"][0].update(
            publicKey=root["tlogs"][1]["publicKey"], logId={"keyId": encode_base64(_sha256(ED25519))}
        )
        or _set_key("ctlogs", rawBytes=encode_base64(ED25519))(root)
    ),
    "a log twice": lambda root: root["tlogs"].append(root["tlogs"][0]),
    "a CT log twice": lambda root: root["ctlogs"].append(root["ctlogs"][0]),
    "a certificate that is none": lambda root: _certificates(root, "certificateAuthorities")[0].update(rawBytes="AAAA"),
    "an intermediate of another root": _foreign("certificateAuthorities", 0, OTHER.intermediate),
    "another root": _foreign("certificateAuthorities", 1, OTHER.root),
    "a chain without its root": lambda root: _certificates(root, "certificateAuthorities").pop(),
    "an authority that is none": _swapped_authority(intermediate_is_authority=False),
    "an authority that may not sign certificates": _swapped_authority(intermediate_key_usage="digital_signature"),
    "a stamper of another root": _foreign("timestampAuthorities", 1, FakeTimestampAuthority(name="other").root),
    "a stamper alone": lambda root: _certificates(root, "timestampAuthorities").pop(),
    "a stamper with unreadable extensions": _foreign("timestampAuthorities", 0, _unreadable()),
    "a chain that is too deep": lambda root: _certificates(root, "certificateAuthorities").insert(
        0, {"rawBytes": encode_base64(_sub_authority().public_bytes(Encoding.DER))}
    ),
}


def _sub_authority() -> x509.Certificate:
    """An authority below an intermediate that allows none."""
    key = WORLD.authority.issuing_key
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(WORLD.authority.intermediate.subject)
    builder = builder.public_key(key.public_key()).serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    for extension in WORLD.authority.intermediate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, SHA384())


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_root_with_a_defect_is_a_mistake_of_the_configuration(defect: str) -> None:
    with pytest.raises(ConfigError) as caught:
        edited(DEFECTS[defect])
    assert caught.value.code == "trusted_root_invalid"
    assert "[0]" in caught.value.message or "[1]" in caught.value.message or "occurs twice" in caught.value.message


def _odd_root() -> bytes:
    """A root with the serial number zero, which some real ones have and which deserves a warning."""
    key, name = curve_key("odd", "p384"), WORLD.authority.root.subject
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    for extension in WORLD.authority.root.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    tbs = builder.sign(key, SHA384()).tbs_certificate_bytes.replace(b"\x02\x01\x01", b"\x02\x01\x00", 1)
    signature = key.sign(tbs, ec.ECDSA(SHA384()))
    return tlv(0x30, tbs, bytes.fromhex("300a06082a8648ce3d040303"), tlv(0x03, b"\x00", signature))


def test_a_certificate_that_deserves_a_warning_loads_nevertheless() -> None:
    odd = {"rawBytes": encode_base64(_odd_root())}
    root = edited(lambda document: document["certificateAuthorities"][0]["certChain"].update(certificates=[odd]))
    assert len(root.authorities[0].issuers) == 1
    with pytest.raises(CryptographyDeprecationWarning):
        x509.load_der_x509_certificate(_odd_root())


KINDS = {
    "PKIX_ECDSA_P256_SHA_256": "p256",
    "PKIX_ECDSA_P384_SHA_384": "p384",
    "PKIX_ECDSA_P521_SHA_512": "p521",
    "PKIX_ED25519": "ed25519",
    "PKCS1_RSA_PKCS1V5": "rsa2048",
    "PKIX_RSA_PKCS1V5": "rsa2048",
    "PKIX_RSA_PKCS1V15_2048_SHA256": "rsa2048",
    "PKIX_RSA_PKCS1V15_3072_SHA256": "rsa2048",
    "PKIX_RSA_PKCS1V15_4096_SHA256": "rsa2048",
}


def _log_with(details: str, kind: str) -> Edit:
    """The first log with a key of this kind, said to be of another one, under the id of that key."""
    octets = spki(private_key("kinds", kind))

    def edit(root: Json) -> None:
        root["tlogs"][0]["publicKey"].update(rawBytes=encode_base64(octets), keyDetails=details)
        root["tlogs"][0]["logId"]["keyId"] = encode_base64(_sha256(octets))

    return edit


@pytest.mark.parametrize("details", KINDS)
def test_a_key_is_of_the_kind_that_it_is_said_to_be(details: str) -> None:
    assert edited(_log_with(details, KINDS[details])).logs
    for kind in set(KINDS.values()) - {KINDS[details]}:
        with pytest.raises(ConfigError) as caught:
            edited(_log_with(details, kind))
        assert caught.value.code == "trusted_root_invalid"
        assert "not of the kind" in caught.value.message


def test_keys_come_as_spki_and_as_pkcs1() -> None:
    staging = load((ASSETS / "sigstore-python" / "tsa" / "trust_config.json").read_bytes())
    assert len(staging.ct_logs) == 3


def test_the_digest_is_that_of_document_and_profile() -> None:
    octets = WORLD.trusted_root()
    digests = {load(octets).digest, load(octets + b" ").digest, load(octets, TrustProfile.github()).digest}
    assert len(digests) == 3
    assert load(octets).digest == load(octets).digest


def test_the_profiles_of_public_instances_demand_what_they_have() -> None:
    assert TrustProfile.public_good() == TrustProfile(log_entries=1, scts=1, timestamps=0)
    assert TrustProfile.github() == TrustProfile(log_entries=0, scts=0, timestamps=1)


def test_a_profile_is_described_by_all_that_it_demands() -> None:
    profile = TrustProfile(log_entries=2, scts=3, timestamps=4, certificate_chains=True)
    assert profile.document() == {"log_entries": 2, "scts": 3, "timestamps": 4, "certificate_chains": True}


@pytest.mark.parametrize(("entries", "timestamps"), [(0, 0), (-1, 1), (1, -1)])
def test_a_profile_that_asks_for_no_time_is_a_mistake(entries: int, timestamps: int) -> None:
    with pytest.raises(ConfigError) as caught:
        TrustProfile(log_entries=entries, scts=0, timestamps=timestamps)
    assert caught.value.code == "trust_profile_invalid"
    assert TrustProfile(log_entries=0, scts=0, timestamps=1) == TrustProfile.github()


@pytest.mark.parametrize(
    ("log", "ct_log", "expected"),
    [(True, True, (1, 1, 0)), (True, False, (1, 0, 0)), (False, False, (0, 0, 1)), (False, True, (0, 1, 1))],
)
def test_a_profile_of_services_demands_one_of_each(*, log: bool, ct_log: bool, expected: tuple[int, int, int]) -> None:
    profile = TrustProfile.of_services(log=log, ct_log=ct_log)
    assert (profile.log_entries, profile.scts, profile.timestamps) == expected
