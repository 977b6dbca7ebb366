"""Certificates that issue others."""

import json
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA224, SHA384

from assay.domain.errors import EvidenceRejected
from assay.verification.chain import check_leaf_usage
from assay.verification.issuer import CODE_SIGNING, TIME_STAMPING, Issuance, find_issuance, is_self_signed, read_issuer
from tests.fakes.certificate import NOW, YEAR, FakeCertificateAuthority, Leaf, curve_key, key_usage_of
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


def authority(*more: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
    key, name = curve_key("built", "p384"), OWN.root.subject
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
