"""The extensions of a certificate, read once."""

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from assay.verification.extension import Extensions
from tests.fakes.certificate import FakeCertificateAuthority, Leaf

LEAF = FakeCertificateAuthority().issue(Leaf(claims={8: "https://issuer.test"}))
ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")


def test_octets_are_those_of_an_extension_that_the_library_does_not_know() -> None:
    extensions = Extensions.read(LEAF)
    assert (extensions.find_octets(ISSUER) or b"").endswith(b"https://issuer.test")
    assert extensions.find_octets(x509.ObjectIdentifier("1.2.3")) is None
    assert ExtensionOID.KEY_USAGE in extensions.by_oid
    assert extensions.find_octets(ExtensionOID.KEY_USAGE) is None


def test_an_extension_is_found_by_its_kind() -> None:
    extensions = Extensions.read(LEAF)
    usage = extensions.find(x509.KeyUsage)
    assert usage is not None
    assert usage.value.digital_signature
    assert extensions.find(x509.NameConstraints) is None
