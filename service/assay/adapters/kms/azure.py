"""Keys in Azure Key Vault: its REST API, access tokens by azure-identity.

API: https://learn.microsoft.com/rest/api/keyvault/keys/sign/sign
"""

import base64
import binascii
import http
from collections.abc import Callable
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.adapters.kms.answer import Answer, refuse_answer
from assay.adapters.kms.connection import KmsConnection, render_body
from assay.adapters.kms.key import ServiceKey, key_unknown, key_unsupported, read_public_key
from assay.domain.deadline import Deadline
from assay.domain.key_uri import AzureKey
from assay.domain.signature_algorithm import SignatureAlgorithm
from assay.formats.signing_key import signature_algorithm

_SERVICE = "Azure Key Vault"
_VERSION = "api-version=7.4"
_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_EC_TYPES = frozenset({"EC", "EC-HSM"})
_RSA_TYPES = frozenset({"RSA", "RSA-HSM"})
_ALGORITHMS = {
    SignatureAlgorithm.ECDSA_P256_SHA256: "ES256",
    SignatureAlgorithm.ECDSA_P384_SHA384: "ES384",
    SignatureAlgorithm.ECDSA_P521_SHA512: "ES512",
    SignatureAlgorithm.RSA_PKCS1_SHA256: "RS256",
}

TokenSource = Callable[[], str]


def default_tokens(uri: AzureKey) -> TokenSource:
    """Access tokens of the default credential (environment, workload identity, managed identity, `az login`)."""
    credential = DefaultAzureCredential(exclude_interactive_browser_credential=True)
    scope = f"https://{uri.host.partition('.')[2]}/.default"
    return lambda: credential.get_token(scope).token


class AzureKeyService:
    """One key of a key vault; `address` is the vault's."""

    def __init__(self, uri: AzureKey, *, tokens: TokenSource, address: str = "") -> None:
        self._uri = uri
        self._tokens = tokens
        self._connection = KmsConnection(address or f"https://{uri.host}", service=_SERVICE)

    def fetch_key(self, deadline: Deadline) -> ServiceKey:
        """The version that is named, else the current one."""
        path = f"/keys/{self._uri.key}/{self._uri.version}".rstrip("/")
        answer = self._call("GET", path, deadline)
        key = answer.section("key")
        if "sign" not in key.texts("key_ops") or not answer.section("attributes").flag("enabled"):
            raise key_unsupported(_SERVICE, self._uri, "the usage")
        public_key = read_public_key(self._read_spki(key), service=_SERVICE)
        return ServiceKey(
            public_key=public_key,
            algorithm=signature_algorithm(public_key),
            version=self._read_version(key.text("kid")),
        )

    def sign(self, key: ServiceKey, message: bytes, deadline: Deadline) -> bytes:
        """Sign the message's digest with this version."""
        body = {
            "alg": _ALGORITHMS[key.algorithm],
            "value": base64.urlsafe_b64encode(key.algorithm.digest(message)).rstrip(b"=").decode("ascii"),
        }
        path = f"/keys/{self._uri.key}/{key.version}/sign"
        answer = self._call("POST", path, deadline, render_body(body))
        if self._read_version(answer.text("kid")) != key.version:
            raise refuse_answer(_SERVICE, "another version of the key signed")
        signature = _octets(answer, "value")
        if key.algorithm is SignatureAlgorithm.RSA_PKCS1_SHA256:
            return signature
        # JSON web signatures write r and s side by side (RFC 7518, 3.4), the rest of the world in DER.
        half = len(signature) // 2
        return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))

    def _read_version(self, kid: str) -> str:
        """The version in a key's identifier, which must be this vault's and this key's."""
        parts = urlsplit(kid).path.split("/")
        if len(parts) != 4 or parts[:3] != ["", "keys", self._uri.key] or not parts[3].isalnum():
            raise refuse_answer(_SERVICE, "it is about another key")
        return parts[3]

    def _read_spki(self, key: Answer) -> bytes:
        kind = key.text("kty")
        public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
        try:
            if kind in _EC_TYPES and (curve := _CURVES.get(key.text("crv"))) is not None:
                public = ec.EllipticCurvePublicNumbers(_number(key, "x"), _number(key, "y"), curve).public_key()
            elif kind in _RSA_TYPES:
                public = rsa.RSAPublicNumbers(_number(key, "e"), _number(key, "n")).public_key()
            else:
                raise key_unsupported(_SERVICE, self._uri, f"the type {kind[:40]!r} or its curve")
        except ValueError as error:
            raise refuse_answer(_SERVICE, "its public key cannot be read") from error
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def _call(self, method: str, path: str, deadline: Deadline, body: bytes | None = None) -> Answer:
        try:
            token = self._tokens()
        except AzureError as error:
            raise self._connection.unavailable(f"credentials: {type(error).__name__}") from error
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, answer = self._connection.call(method, f"{path}?{_VERSION}", deadline, headers=headers, body=body)
        if status == http.HTTPStatus.NOT_FOUND:
            raise key_unknown(_SERVICE, self._uri)
        if status != http.HTTPStatus.OK:
            raise self._connection.unavailable(f"HTTP status {status}")
        return answer


def _number(answer: Answer, name: str) -> int:
    return int.from_bytes(_octets(answer, name), "big")


def _octets(answer: Answer, name: str) -> bytes:
    """The bytes of a member in URL-safe base64 without padding (RFC 7515)."""
    text = answer.text(name)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise refuse_answer(_SERVICE, f"{name} is not base64") from error
