"""Certificates that issue others."""

import json
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA224, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from assay.domain.errors import EvidenceRejected
from assay.formats.certificate import encode_certificate, read_signed_parts
from assay.verification.chain import check_leaf_usage
from assay.verification.issuer import (
    CODE_SIGNING,
    TIME_STAMPING,
    Issuance,
    find_issuance,
    find_known_issuance,
    is_self_signed,
    read_issuer,
)
from tests.fakes.certificate import NOW, YEAR, FakeCertificateAuthority, Leaf, curve_key, key_usage_of, private_key
from tests.fakes.vectors import ASSETS

TABLE = json.loads((ASSETS / "expected.json").read_bytes())["x509"]
OWN = FakeCertificateAuthority()
OTHER = FakeCertificateAuthority(name="other")


def certificate(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((ASSETS / "sigstore-python" / "x509" / name).read_bytes())


def code(check: Callable[[], object], *, expected: str) -> bool:
    """Whether the check passes; when it does not, its code must be the expected one."""
    found = ""
    try:
        check()
    except EvidenceRejected as error:
        found = error.code
    assert found in {"", expected}
    return not found


def may_issue(found: x509.Certificate, purpose: x509.ObjectIdentifier = CODE_SIGNING) -> bool:
    return code(lambda: read_issuer(found, purpose), expected="chain_invalid")


def may_sign(found: x509.Certificate) -> bool:
    return code(lambda: check_leaf_usage(found), expected="leaf_unsuitable")


@pytest.mark.parametrize("name", TABLE["is_ca"])
def test_a_certificate_may_issue_exactly_when_the_table_says_so(name: str) -> None:
    assert may_issue(certificate(name)) is (TABLE["is_ca"][name] is True)


@pytest.mark.parametrize("name", TABLE["is_leaf"])
def test_a_certificate_may_sign_exactly_when_the_table_says_so(name: str) -> None:
    assert may_sign(certificate(name)) is (TABLE["is_leaf"][name] is True)


@pytest.mark.parametrize("name", TABLE["is_root_ca"])
def test_a_root_is_an_authority_that_verifies_under_its_own_key(name: str) -> None:
    found = certificate(name)
    assert (may_issue(found) and is_self_signed(found)) is (TABLE["is_root_ca"][name] is True)


def authority(*more: tuple[x509.ExtensionType, bool], kind: str = "p384") -> x509.Certificate:
    key, name = private_key("built", kind), OWN.root.subject
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    for extension, critical in ((constraints, True), (key_usage_of("key_cert_sign"), True), *more):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, SHA384())


NAMES = x509.NameConstraints(permitted_subtrees=[x509.DNSName("a.test")], excluded_subtrees=None)
ANY = x509.ObjectIdentifier("2.5.29.37.0")
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")


def test_what_restricts_an_authority_and_is_not_enforced_denies() -> None:
    assert may_issue(authority())
    assert not may_issue(authority((NAMES, True)))
    assert not may_issue(authority((NAMES, False)))
    assert not may_issue(authority((UNKNOWN, True)))
    assert may_issue(authority((UNKNOWN, False)))


def test_an_authority_for_another_purpose_does_not_issue() -> None:
    assert may_issue(authority((x509.ExtendedKeyUsage([CODE_SIGNING]), False)))
    assert may_issue(authority((x509.ExtendedKeyUsage([ANY]), False)))
    assert not may_issue(authority((x509.ExtendedKeyUsage([TIME_STAMPING]), False)))
    assert may_issue(authority((x509.ExtendedKeyUsage([TIME_STAMPING]), False)), TIME_STAMPING)


def test_extensions_that_cannot_be_read_deny() -> None:
    assert not may_issue(
        authority((x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.37"), b"\x05\x00"), False))
    )


def test_an_extension_that_is_there_twice_denies() -> None:
    der = OWN.intermediate.public_bytes(Encoding.DER)
    subject_key, authority_key = bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d23")
    assert (der.count(subject_key), der.count(authority_key)) == (1, 1)
    assert not may_issue(x509.load_der_x509_certificate(der.replace(subject_key, authority_key)))
    assert may_issue(x509.load_der_x509_certificate(der))


@pytest.mark.parametrize(("ca", "expected"), [(True, True), (False, False), (None, False)])
def test_an_authority_says_so_in_basic_constraints(*, ca: bool | None, expected: bool) -> None:
    key, name = curve_key("built", "p384"), OWN.root.subject
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    builder = builder.add_extension(key_usage_of("key_cert_sign"), critical=True)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    assert may_issue(builder.sign(key, SHA384())) is expected


def built(key: rsa.RSAPublicKey, subject: x509.Name) -> x509.Certificate:
    """A certificate of that key, signed by a key of RSA whose name it bears."""
    signer = private_key("costly", "rsa2048")
    assert isinstance(signer, rsa.RSAPrivateKey)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(OWN.root.subject).public_key(key)
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    return builder.sign(signer, SHA384())


def test_no_signature_is_verified_under_a_key_that_costs_more_than_real_ones_do() -> None:
    own = private_key("costly", "rsa2048")
    assert isinstance(own, rsa.RSAPrivateKey)
    modulus = own.public_key().public_numbers().n
    leaf = built(own.public_key(), x509.Name([]))
    for exponent, expected in ((65537, Issuance.ISSUED), (2**31 + 1, Issuance.FORGED), (2**32 + 1, Issuance.OTHER)):
        issuer = built(rsa.RSAPublicNumbers(exponent, modulus).public_key(), OWN.root.subject)
        assert find_issuance(leaf, issuer) is expected


def test_a_signature_is_told_from_a_name() -> None:
    assert find_issuance(OWN.intermediate, OWN.root) is Issuance.ISSUED
    assert find_issuance(OWN.intermediate, OTHER.root) is Issuance.OTHER
    assert find_issuance(authority(), OWN.root) is Issuance.FORGED
    assert read_issuer(OWN.root, CODE_SIGNING).name


def test_a_weak_signature_is_no_signature() -> None:
    key, name = curve_key("built", "p384"), OWN.root.subject
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    assert find_issuance(builder.sign(key, SHA224()), authority()) is Issuance.OTHER
    assert find_issuance(builder.sign(key, SHA384()), authority()) is Issuance.ISSUED


def test_a_leaf_is_no_issuer() -> None:
    assert not may_issue(OWN.issue(Leaf()))


def test_an_authority_with_a_weak_key_does_not_issue() -> None:
    key, name = curve_key("weak", "p224"), OWN.root.subject
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + YEAR)
    for extension in authority().extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    assert not may_issue(builder.sign(curve_key("built", "p384"), SHA384()))
    assert may_issue(authority())


def known_issuance(found: x509.Certificate, issuer: x509.Certificate) -> Issuance:
    """What an issuer that was read says, first and again; the library must say the same."""
    reader, parts = read_issuer(issuer, CODE_SIGNING), read_signed_parts(encode_certificate(found))
    first = find_known_issuance(found, parts, reader)
    assert first is find_known_issuance(found, parts, reader) is find_issuance(found, issuer)
    return first


def test_an_issuer_that_was_read_says_what_the_library_says() -> None:
    leaf, impostor = OWN.issue(Leaf()), FakeCertificateAuthority()
    assert known_issuance(leaf, OWN.intermediate) is Issuance.ISSUED
    assert known_issuance(OWN.intermediate, OWN.root) is Issuance.ISSUED
    assert known_issuance(leaf, OWN.root) is Issuance.OTHER
    assert known_issuance(OTHER.issue(Leaf()), OWN.intermediate) is Issuance.OTHER
    assert known_issuance(impostor.issue(Leaf()), OWN.intermediate) is Issuance.ISSUED
    assert known_issuance(forged(leaf), OWN.intermediate) is Issuance.FORGED


def forged(found: x509.Certificate) -> x509.Certificate:
    der = found.public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(der.replace(b"https://github.test", b"https://github.evil"))


def test_the_algorithm_outside_of_what_is_signed_is_the_one_inside() -> None:
    leaf = OWN.issue(Leaf())
    inside, outside = read_signed_parts(encode_certificate(leaf)).algorithms
    assert inside == outside
    head, _, tail = encode_certificate(leaf).rpartition(outside)
    # ecdsa-with-SHA384 becomes ecdsa-with-SHA512, outside alone.
    other = x509.load_der_x509_certificate(head + outside[:-1] + b"\x04" + tail)
    assert known_issuance(other, OWN.intermediate) is Issuance.OTHER
    assert known_issuance(leaf, OWN.intermediate) is Issuance.ISSUED


def test_an_algorithm_for_another_kind_of_key_names_another_issuer() -> None:
    curve, rsa2048 = authority(), authority(kind="rsa2048")
    assert curve.subject == rsa2048.subject
    assert known_issuance(curve, rsa2048) is Issuance.OTHER
    assert known_issuance(rsa2048, curve) is Issuance.OTHER
    assert known_issuance(rsa2048, rsa2048) is Issuance.ISSUED
    assert known_issuance(curve, curve) is Issuance.ISSUED


def test_a_certificate_too_large_to_remember_is_verified_every_time() -> None:
    leaf = OWN.issue(Leaf(claims={8: "https://x.test/" + "x" * 9000}))
    assert known_issuance(leaf, OWN.intermediate) is Issuance.ISSUED
    assert known_issuance(forged(leaf), OWN.intermediate) is Issuance.FORGED
