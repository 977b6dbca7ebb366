"""A private certificate authority and the webhook's serving certificate."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from assay.domain.errors import ConfigError

LONGEST_LIFETIME = timedelta(days=90)
_CLOCK_SKEW = timedelta(minutes=5)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """PEM files: the authority (`caBundle`), the serving certificate and its unencrypted PKCS #8 key."""

    ca_pem: bytes
    certificate_pem: bytes
    key_pem: bytes = field(repr=False)


def issue_serving_certificate(names: Sequence[str], now: datetime, lifetime: timedelta) -> CertificateFiles:
    """Issue a serving certificate for these DNS names and IP addresses under a new authority.

    P-256 throughout; valid from five minutes before `now` (clocks differ) until `now + lifetime`. The authority's key
    signs this one certificate and is forgotten, so nothing else can ever be issued under it (RFC 5280 profile: basic
    constraints, key usage, subject and authority key identifiers). Raises `ConfigError`:
    `certificate_names_missing`, `certificate_name_invalid`, `certificate_lifetime_invalid`.
    """
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise ConfigError(
            "certificate_lifetime_invalid",
            f"a serving certificate cannot live {lifetime}",
            remedy=f"choose a lifetime above zero and up to {LONGEST_LIFETIME.days} days",
        )
    alternatives = _alternative_names(names)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    span = (now - _CLOCK_SKEW, now + lifetime)
    authority = _authority(ca_key, span)
    certificate = _serving(alternatives, key.public_key(), authority, ca_key, span)
    return CertificateFiles(
        ca_pem=authority.public_bytes(serialization.Encoding.PEM),
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def _authority(key: ec.EllipticCurvePrivateKey, span: tuple[datetime, datetime]) -> x509.Certificate:
    name = _name("Assay webhook authority")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, key.public_key(), span)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def _serving(
    alternatives: list[x509.GeneralName],
    key: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    span: tuple[datetime, datetime],
) -> x509.Certificate:
    issuer_identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(_name("Assay webhook"), authority.subject, key, span)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_identifier), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, span: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    begin, end = span
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=begin,
        not_valid_after=end,
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative_names(names: Sequence[str]) -> list[x509.GeneralName]:
    if not names:
        raise ConfigError(
            "certificate_names_missing",
            "a serving certificate needs a name",
            remedy="name the host names and addresses that callers use",
        )
    return [_alternative_name(name) for name in names]


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not _DNS_NAME.fullmatch(name):
        raise ConfigError(
            "certificate_name_invalid",
            f"{name[:100]!r} is neither a host name nor an address",
            remedy="write names such as assay-webhook.assay.svc, in lower case",
        )
    return x509.DNSName(name)
