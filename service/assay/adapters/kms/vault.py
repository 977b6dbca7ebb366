"""Keys in the Transit engine of HashiCorp Vault and OpenBao.

API: https://openbao.org/api-docs/secret/transit/ ("read key", "sign data").
"""

import http
import re
from collections.abc import Mapping
from pathlib import Path

from assay.adapters.kms.answer import Answer, refuse_answer
from assay.adapters.kms.connection import KmsConnection, render_body
from assay.adapters.kms.key import ServiceKey, key_unknown, key_unsupported, read_public_key
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError, InvalidInput
from assay.domain.identity import PublicKey
from assay.domain.key_uri import TransitKey
from assay.domain.signature_algorithm import SignatureAlgorithm
from assay.formats.base64text import decode_base64, encode_base64
from assay.formats.public_key import parse_public_key
from assay.formats.signing_key import signature_algorithm

_PREFIXES = {"hashivault": "VAULT", "openbao": "BAO"}
_NAMES = {"hashivault": "Vault", "openbao": "OpenBao"}
_TYPES = frozenset({"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096"})
_HASHES = {"sha256": "sha2-256", "sha384": "sha2-384", "sha512": "sha2-512"}
_ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo up to the key itself (RFC 8410)
_ENGINE = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*", re.ASCII)
_MISSING = frozenset({http.HTTPStatus.NOT_FOUND, http.HTTPStatus.BAD_REQUEST})


class TransitKeyService:
    """One key of a Transit engine; the token goes to this one server and is in no message."""

    def __init__(self, uri: TransitKey, connection: KmsConnection, *, token: str, engine: str = "transit") -> None:
        self._uri = uri
        self._connection = connection
        self._engine = engine
        self._headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}

    @classmethod
    def open(cls, uri: TransitKey, environment: Mapping[str, str]) -> "TransitKeyService":
        """Connect as the environment says.

        `VAULT_ADDR`, `VAULT_TOKEN` and `VAULT_CACERT` are for `hashivault`, the same with `BAO_` for `openbao`, and
        `TRANSIT_SECRET_ENGINE_PATH` for both. Nothing is sent yet.
        Raises `ConfigError(kms_not_configured | kms_address_invalid)`.
        """
        prefix, name = _PREFIXES[uri.server], _NAMES[uri.server]
        address, token = (environment.get(f"{prefix}_{what}", "") for what in ("ADDR", "TOKEN"))
        engine = environment.get("TRANSIT_SECRET_ENGINE_PATH", "transit")
        if not address or not token:
            raise _not_configured(name, f"{prefix}_ADDR and {prefix}_TOKEN are needed")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise _not_configured(name, f"{prefix}_TOKEN cannot be sent in a header")
        if not _ENGINE.fullmatch(engine):
            raise _not_configured(name, "TRANSIT_SECRET_ENGINE_PATH is not the path of an engine")
        authority = environment.get(f"{prefix}_CACERT", "")
        connection = KmsConnection(address, service=name, certificate_authority=Path(authority) if authority else None)
        return cls(uri, connection, token=token, engine=engine)

    def fetch_key(self, deadline: Deadline) -> ServiceKey:
        """The latest version."""
        path = f"/v1/{self._engine}/keys/{self._uri.key}"
        status, answer = self._connection.call("GET", path, deadline, headers=self._headers)
        if status != http.HTTPStatus.OK:
            raise self._refusal(status)
        found = answer.section("data")
        kind, version = found.text("type"), found.integer("latest_version")
        if kind not in _TYPES or not found.flag("supports_signing"):
            raise key_unsupported(self._connection.service, self._uri, f"the type {kind[:40]!r}")
        public_key = self._read_public_key(kind, found.section("keys").section(str(version)))
        return ServiceKey(public_key=public_key, algorithm=signature_algorithm(public_key), version=str(version))

    def sign(self, key: ServiceKey, message: bytes, deadline: Deadline) -> bytes:
        """Sign with this version: a digest for ECDSA and RSA, the message itself for Ed25519."""
        prehashed = key.algorithm is not SignatureAlgorithm.ED25519
        body: dict[str, object] = {
            "input": encode_base64(key.algorithm.digest(message)),
            "key_version": int(key.version),
            "prehashed": prehashed,
        }
        if key.algorithm is SignatureAlgorithm.RSA_PKCS1_SHA256:
            body["signature_algorithm"] = "pkcs1v15"
        path = f"/v1/{self._engine}/sign/{self._uri.key}"
        if prehashed:
            path = f"{path}/{_HASHES[key.algorithm.hash_name]}"
        status, answer = self._connection.call("POST", path, deadline, headers=self._headers, body=render_body(body))
        if status != http.HTTPStatus.OK:
            raise self._refusal(status)
        return self._read_signature(answer.section("data").text("signature"), key.version)

    def _read_public_key(self, kind: str, version: Answer) -> PublicKey:
        service = self._connection.service
        if kind == "ed25519":  # the bare key; every other one is in PEM
            return read_public_key(_ED25519_PREFIX + version.octets("public_key"), service=service)
        try:
            return parse_public_key(version.text("public_key").encode())
        except InvalidInput as error:
            raise refuse_answer(service, "its public key cannot be read") from error

    def _read_signature(self, text: str, version: str) -> bytes:
        prefix = f"vault:v{version}:"
        try:
            if not text.startswith(prefix):
                raise refuse_answer(self._connection.service, "another version of the key signed")
            return decode_base64(text.removeprefix(prefix), what="the signature", code="kms_answer_invalid")
        except InvalidInput as error:
            raise refuse_answer(self._connection.service, "its signature cannot be read") from error

    def _refusal(self, status: int) -> AssayError:
        if status in _MISSING:
            return key_unknown(self._connection.service, self._uri)
        return self._connection.unavailable(f"HTTP status {status}")


def _not_configured(name: str, why: str) -> ConfigError:
    return ConfigError("kms_not_configured", f"{name} cannot be reached: {why}", remedy="set the environment variables")
