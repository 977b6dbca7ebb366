"""A certificate authority as Fulcio is one, and a certificate transparency log that signs whatever it is given.

authority = FakeCertificateAuthority("fulcio")
leaf = authority.issue(Leaf(scts=(Sct(log=FakeCtLog("ct")),)))
leaf = authority.issue(Leaf(san=(), usages=None))                       # broken, then signed
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from nacl import bindings

from tests.fakes.der import octet_string, utf8_string

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
"""The moment at which everything is signed unless a test says otherwise."""
SECOND = timedelta(seconds=1)
YEAR = timedelta(days=365)
WORKFLOW = "https://github.test/acme/app/.github/workflows/release.yml@refs/tags/v1"
ISSUER = "https://token.actions.test"

FULCIO = "1.3.6.1.4.1.57264.1"
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_CURVES: dict[str, ec.EllipticCurve] = {
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "p224": ec.SECP224R1(),
}
_HASHES: dict[str, HashAlgorithm] = {"sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}
_HASH_OF_KIND = {"p384": "sha384", "p521": "sha512", "ed25519": "sha512", "ed25519ph": "sha512"}
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@cache
def private_key(name: str, kind: str) -> PrivateKey:
    """One key per name and kind, the same in every process unless it is RSA; kinds: p256, ed25519(ph), rsa2048, ..."""
    seed = hashlib.sha256(f"{kind} {name}".encode()).digest()
    if kind.startswith("ed25519"):
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
    return ec.derive_private_key(int.from_bytes(seed[:27], "big"), _CURVES[kind.partition("-")[0]])


def curve_key(name: str, kind: str = "p256") -> ec.EllipticCurvePrivateKey:
    """A key of a curve."""
    key = private_key(name, kind)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def spki(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sign(key: PrivateKey, kind: str, message: bytes) -> tuple[bytes, str]:
    """Sign as a key of this kind does, and name the hash; `p384-sha256` is P-384 with SHA-256."""
    hash_name = kind.partition("-")[2] or _HASH_OF_KIND.get(kind, "sha256")
    match key:
        case ed25519.Ed25519PrivateKey() if kind == "ed25519ph":
            state = bindings.crypto_sign_ed25519ph_state()
            bindings.crypto_sign_ed25519ph_update(state, message)
            secret = key.private_bytes_raw() + key.public_key().public_bytes_raw()
            return bindings.crypto_sign_ed25519ph_final_create(state, secret), hash_name
        case ed25519.Ed25519PrivateKey():
            return key.sign(message), hash_name
        case rsa.RSAPrivateKey():
            return key.sign(message, padding.PKCS1v15(), _HASHES[hash_name]), hash_name
        case ec.EllipticCurvePrivateKey():
            return key.sign(message, ec.ECDSA(_HASHES[hash_name])), hash_name


@dataclass(frozen=True, kw_only=True)
class FakeCtLog:
    """A certificate transparency log: a P-256 or RSA key; its id is the SHA-256 of that key."""

    name: str = "ct"
    kind: str = "p256"

    @property
    def key(self) -> PrivateKey:
        return private_key(f"ct {self.name}", self.kind)

    def sign(self, message: bytes) -> tuple[bytes, bytes]:
        """The algorithms as an SCT names them, and the signature."""
        signature, _ = sign(self.key, self.kind, message)
        return (b"\x04\x01" if self.kind.startswith("rsa") else b"\x04\x03"), signature

    @property
    def log_id(self) -> bytes:
        return hashlib.sha256(spki(self.key)).digest()


@dataclass(frozen=True, kw_only=True)
class Sct:
    """What one SCT of a leaf says (RFC 6962, section 3.2).

    `issuer_spki` replaces the issuer's key before signing; `signature`, when given, the signature afterwards.
    """

    log: FakeCtLog
    time: datetime = NOW
    extensions: bytes = b""
    issuer_spki: bytes | None = None
    version: int = 0
    signature: bytes | None = None

    def render(self, tbs: bytes, issuer_spki: bytes) -> bytes:
        """The SCT over a precertificate, with its length in front."""
        milliseconds = round(self.time.timestamp() * 1000).to_bytes(8, "big")
        extensions = len(self.extensions).to_bytes(2, "big") + self.extensions
        issuer = hashlib.sha256(issuer_spki if self.issuer_spki is None else self.issuer_spki).digest()
        entry = b"\x00\x01" + issuer + len(tbs).to_bytes(3, "big") + tbs
        signed = b"\x00\x00" + milliseconds + entry + extensions
        algorithms, own = self.log.sign(signed)
        signature = own if self.signature is None else self.signature
        head = bytes([self.version]) + self.log.log_id + milliseconds + extensions
        octets = head + algorithms + len(signature).to_bytes(2, "big") + signature
        return len(octets).to_bytes(2, "big") + octets


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """What a signing certificate says. `claims` are Fulcio's extensions by number: 1 to 6 raw text, others UTF8String.

    `usages` and `key_usage` are left out when None; `raw` are further extensions as object identifier and DER.
    """

    name: str = "signer"
    kind: str = "p256"
    san: tuple[x509.GeneralName, ...] = (x509.UniformResourceIdentifier(WORKFLOW),)
    claims: Mapping[int, str] = field(default_factory=lambda: {1: ISSUER, 8: ISSUER}, hash=False)
    start: datetime = NOW - timedelta(minutes=5)
    end: datetime = NOW + timedelta(minutes=5)
    usages: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.CODE_SIGNING,)
    key_usage: str | None = "digital_signature"
    is_authority: bool | None = None
    scts: tuple[Sct, ...] = (Sct(log=FakeCtLog()),)
    raw: tuple[tuple[str, bytes], ...] = ()

    @property
    def key(self) -> PrivateKey:
        return private_key(f"leaf {self.name}", self.kind)


@dataclass(frozen=True, kw_only=True)
class FakeCertificateAuthority:
    """A root, an intermediate and the leaves that the intermediate issues; all windows are the caller's choice."""

    name: str = "fulcio"
    root_window: tuple[datetime, datetime] = (NOW - 5 * YEAR, NOW + 5 * YEAR)
    intermediate_window: tuple[datetime, datetime] = (NOW - 3 * YEAR, NOW + 3 * YEAR)
    path_length: int | None = 0
    intermediate_is_authority: bool = True
    intermediate_key_usage: str = "key_cert_sign"
    intermediate_usages: tuple[x509.ObjectIdentifier, ...] = ()

    @cached_property
    def root(self) -> x509.Certificate:
        key = curve_key(f"{self.name} root", "p384")
        builder = _draft(f"{self.name} root", f"{self.name} root", spki_of=key, window=self.root_window)
        return _authority_extensions(builder, key, key, path_length=1).sign(key, SHA384())

    @property
    def issuing_key(self) -> ec.EllipticCurvePrivateKey:
        return curve_key(f"{self.name} intermediate", "p384")

    @cached_property
    def intermediate(self) -> x509.Certificate:
        root_key = curve_key(f"{self.name} root", "p384")
        builder = _draft(
            f"{self.name} intermediate",
            f"{self.name} root",
            spki_of=self.issuing_key,
            window=self.intermediate_window,
        )
        builder = _authority_extensions(
            builder,
            self.issuing_key,
            root_key,
            path_length=self.path_length if self.intermediate_is_authority else None,
            is_authority=self.intermediate_is_authority,
            usage=self.intermediate_key_usage,
        )
        if self.intermediate_usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.intermediate_usages), critical=False)
        return builder.sign(root_key, SHA384())

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return self.intermediate, self.root

    def issue(self, leaf: Leaf) -> x509.Certificate:
        """Issue a certificate; its SCTs are the last extension, so that the rest is what they signed."""
        builder = _draft(None, f"{self.name} intermediate", spki_of=leaf.key, window=(leaf.start, leaf.end))
        for extension, critical in _leaf_extensions(leaf, self.issuing_key):
            builder = builder.add_extension(extension, critical)
        precertificate = builder.sign(self.issuing_key, SHA384())
        if not leaf.scts:
            return precertificate
        issuer = spki(self.issuing_key)
        scts = b"".join(sct.render(precertificate.tbs_certificate_bytes, issuer) for sct in leaf.scts)
        octets = octet_string(len(scts).to_bytes(2, "big") + scts)
        listed = x509.UnrecognizedExtension(SCT_LIST, octets)
        return builder.add_extension(listed, critical=False).sign(self.issuing_key, SHA384())


def _draft(
    subject: str | None, issuer: str, *, spki_of: PrivateKey, window: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(spki_of.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(window[0])
        .not_valid_after(window[1])
    )


def _name(text: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sigstore.test")] if text else []
    return x509.Name([*attributes, *([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])])


def _authority_extensions(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    path_length: int | None,
    is_authority: bool = True,
    usage: str = "key_cert_sign",
) -> x509.CertificateBuilder:
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=path_length), critical=True)
        .add_extension(key_usage_of(usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_id, critical=False)
    )


def key_usage_of(name: str) -> x509.KeyUsage:
    """A key usage with only this bit."""
    bits = dict.fromkeys(
        [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    return x509.KeyUsage(**{**bits, name: True})


def _leaf_extensions(leaf: Leaf, issuer_key: ec.EllipticCurvePrivateKey) -> list[tuple[x509.ExtensionType, bool]]:
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectKeyIdentifier.from_public_key(leaf.key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
    ]
    if leaf.key_usage is not None:
        extensions.append((key_usage_of(leaf.key_usage), True))
    if leaf.usages is not None:
        extensions.append((x509.ExtendedKeyUsage(leaf.usages), False))
    if leaf.is_authority is not None:
        extensions.append((x509.BasicConstraints(ca=leaf.is_authority, path_length=None), True))
    if leaf.san:
        extensions.append((x509.SubjectAlternativeName(leaf.san), True))
    for number, text in leaf.claims.items():
        octets = utf8_string(text) if number > 6 else text.encode()
        extensions.append((_unrecognised(f"{FULCIO}.{number}", octets), False))
    extensions += [(_unrecognised(dotted, octets), False) for dotted, octets in leaf.raw]
    return extensions


def _unrecognised(dotted: str, octets: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), octets)
