"""A timestamp authority (RFC 3161) whose clock is an argument; any field of a token can be chosen, then signed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.fakes.certificate import NOW, YEAR, PrivateKey, curve_key, key_usage_of, private_key, sign
from tests.fakes.der import (
    explicit,
    generalized_time,
    integer,
    null,
    object_identifier,
    octet_string,
    sequence,
    set_of,
    tlv,
)

_HASHES = {
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_ALGORITHMS = {
    "p256": "1.2.840.10045.4.3.2",
    "p384": "1.2.840.10045.4.3.3",
    "p521": "1.2.840.10045.4.3.4",
    "rsa2048": "1.2.840.113549.1.1.11",
    "ed25519": "1.3.101.112",
}
_POLICY = "1.3.6.1.4.1.57264.2"


@dataclass(frozen=True, kw_only=True)
class FakeTimestampAuthority:
    """A root and a leaf for timestamps alone; `critical` and `usages` are those of the leaf's extended key usage."""

    name: str = "tsa"
    window: tuple[datetime, datetime] = (NOW - 5 * YEAR, NOW + 5 * YEAR)
    leaf_window: tuple[datetime, datetime] = (NOW - 3 * YEAR, NOW + 3 * YEAR)
    kind: str = "p256"
    critical: bool = True
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,)

    @property
    def key(self) -> PrivateKey:
        return private_key(f"{self.name} leaf", self.kind)

    @cached_property
    def root(self) -> x509.Certificate:
        key = curve_key(f"{self.name} root", "p384")
        return (
            self._draft("root", key, self.window)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage_of("key_cert_sign"), critical=True)
            .sign(key, SHA384())
        )

    @cached_property
    def leaf(self) -> x509.Certificate:
        return (
            self._draft("leaf", self.key, self.leaf_window)
            .add_extension(key_usage_of("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage(self.usages), self.critical)
            .sign(curve_key(f"{self.name} root", "p384"), SHA384())
        )

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return self.leaf, self.root

    def _draft(self, role: str, key: PrivateKey, window: tuple[datetime, datetime]) -> x509.CertificateBuilder:
        issuer_key = curve_key(f"{self.name} root", "p384").public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(_name(f"{self.name} {role}"))
            .issuer_name(_name(f"{self.name} root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(window[0])
            .not_valid_after(window[1])
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
        )

    def stamp(
        self,
        message: bytes,
        *,
        at: datetime = NOW,
        hash_name: str = "sha256",
        embedded: tuple[x509.Certificate, ...] = (),
        signing_key: PrivateKey | None = None,
        algorithm: str | None = None,
        status: int = 0,
        serial: int = 7,
        forged_content: bytes | None = None,
        content: Callable[[bytes], bytes] = bytes,
        attributes: Callable[[bytes], bytes] = bytes,
        signers: Callable[[bytes], bytes] = bytes,
        digest: str = "sha256",
    ) -> bytes:
        """A response whose token covers the hash of `message`; SHA-1 is for what must be refused.

        `embedded` certificates travel with the token; `signing_key` signs instead of the leaf's, and `algorithm` is
        named instead of the one that signed. Changed before it
        is signed: `content` (TSTInfo) and `attributes` (the members of the set, one after the other); after:
        `forged_content` and `signers` (likewise). `digest` is the hash under the
        signature; RSA signs with it too.
        """
        stamped = content(_tst_info(message, at, hash_name, serial))
        signed_attributes = attributes(b"".join(sorted(_signed_attributes(stamped, self.leaf, digest))))
        key = signing_key or self.key
        kind = f"{self.kind}-{digest}" if self.kind.startswith("rsa") else self.kind
        signature, _ = sign(key, kind, tlv(0x31, signed_attributes))
        digested = sequence(object_identifier(_HASHES[digest]))
        issuer_and_serial = sequence(self.leaf.issuer.public_bytes(), integer(self.leaf.serial_number))
        signer = sequence(
            integer(1),
            issuer_and_serial,
            digested,
            explicit(0, signed_attributes),
            sequence(object_identifier(algorithm or _ALGORITHMS[self.kind])),
            octet_string(signature),
        )
        certificates = sorted(certificate.public_bytes(Encoding.DER) for certificate in embedded)
        signed = sequence(
            integer(3),
            set_of(digested),
            sequence(object_identifier(_TST_INFO), explicit(0, octet_string(forged_content or stamped))),
            *([explicit(0, *certificates)] if certificates else []),
            tlv(0x31, signers(signer)),
        )
        return sequence(sequence(integer(status)), sequence(object_identifier(_SIGNED_DATA), explicit(0, signed)))


def _tst_info(message: bytes, at: datetime, hash_name: str, serial: int) -> bytes:
    imprint = hashlib.new(hash_name, message, usedforsecurity=False).digest()
    algorithm = sequence(object_identifier(_HASHES[hash_name]), null())
    return sequence(
        integer(1),
        object_identifier(_POLICY),
        sequence(algorithm, octet_string(imprint)),
        integer(serial),
        generalized_time(at),
    )


def _signed_attributes(content: bytes, leaf: x509.Certificate, digest: str) -> tuple[bytes, ...]:
    certificate_id = sequence(octet_string(hashlib.sha256(leaf.public_bytes(Encoding.DER)).digest()))
    return (
        sequence(object_identifier(_CONTENT_TYPE), set_of(object_identifier(_TST_INFO))),
        sequence(object_identifier(_MESSAGE_DIGEST), set_of(octet_string(hashlib.new(digest, content).digest()))),
        sequence(object_identifier(_SIGNING_CERTIFICATE_V2), set_of(sequence(sequence(certificate_id)))),
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
