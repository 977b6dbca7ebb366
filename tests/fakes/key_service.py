"""Key services of the clouds, as their public API references describe them, each with one key."""

import base64
import hashlib
import hmac
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.json_server import Call

CloudKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
HASHES: dict[int, HashAlgorithm] = {32: SHA256(), 48: SHA384(), 64: SHA512()}
ACCESS_KEY, SECRET_KEY, REGION = "AKIDEXAMPLE", "secret-of-the-access-key", "eu-central-1"
ARN = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOKEN = "access-token-of-the-test"  # a fake's


def spki(key: CloudKey, encoding: Encoding = Encoding.DER) -> bytes:
    return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def sign_digest(key: CloudKey, digest: bytes) -> bytes:
    """Sign what is a digest already."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), Prehashed(HASHES[len(digest)]))
    return key.sign(digest, ec.ECDSA(Prehashed(HASHES[len(digest)])))


@dataclass
class FakeCloud(ABC):
    """What the three have in common: the key, the calls, and one answer that stands in for all others."""

    key: CloudKey
    calls: list[Call] = field(default_factory=list)
    fixed: tuple[int, object] | None = None
    edits: dict[str, object] = field(default_factory=dict)

    def __call__(self, call: Call) -> tuple[int, object]:
        self.calls.append(call)
        status, answer = self.fixed or self.respond(call)
        if status == 200:
            assert isinstance(answer, dict)
            answer = {name: value for name, value in {**answer, **self.edits}.items() if value is not None}
        return status, answer

    @abstractmethod
    def respond(self, call: Call) -> tuple[int, object]:
        """Answer as the service documents it."""


class FakeAws(FakeCloud):
    """AWS KMS: checks the request's signature (Signature Version 4) with code of its own."""

    algorithms = ("ECDSA_SHA_256",)

    def respond(self, call: Call) -> tuple[int, object]:
        if call.headers["authorization"] != self._authorization(call):
            return 400, {"__type": "InvalidSignatureException"}
        question = call.document
        if question["KeyId"] not in {ARN, "alias/release"}:
            return 400, {"__type": "com.amazonaws.kms#NotFoundException"}
        if call.headers["x-amz-target"] == "TrentService.GetPublicKey":
            return 200, {
                "KeyId": ARN,
                "KeyUsage": "SIGN_VERIFY",
                "PublicKey": base64.b64encode(spki(self.key)).decode(),
                "SigningAlgorithms": list(self.algorithms),
            }
        assert (question["MessageType"], question["SigningAlgorithm"]) == ("DIGEST", self.algorithms[0])
        signature = sign_digest(self.key, base64.b64decode(str(question["Message"])))
        return 200, {"KeyId": ARN, "Signature": base64.b64encode(signature).decode()}

    @staticmethod
    def _authorization(call: Call) -> str:
        moment, scope = call.headers["x-amz-date"], f"{call.headers['x-amz-date'][:8]}/{REGION}/kms/aws4_request"
        names = re.findall(r"SignedHeaders=([^,]+)", call.headers["authorization"])[0]
        assert {"host", "x-amz-date", "x-amz-target"} <= set(names.split(";"))
        headers = "".join(f"{name}:{call.headers[name]}\n" for name in names.split(";"))
        canonical = f"POST\n/\n\n{headers}\n{names}\n{hashlib.sha256(call.body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        secret = f"AWS4{SECRET_KEY}".encode()
        for part in scope.split("/"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        signature = hmac.digest(secret, text.encode(), "sha256").hex()
        return f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={signature}"


class FakeGcp(FakeCloud):
    """Google Cloud KMS."""

    name = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
    algorithm = "EC_SIGN_P256_SHA256"
    versions: tuple[tuple[int, str], ...] = ((2, "ENABLED"), (10, "ENABLED"), (11, "DISABLED"))

    def respond(self, call: Call) -> tuple[int, object]:
        if call.headers["authorization"] != f"Bearer {TOKEN}":
            return 401, {}
        path = call.path.removeprefix("/v1/")
        listing = f"{self.name}/cryptoKeyVersions"
        if path.startswith(f"{listing}?"):
            return 200, self._list(path)
        version = next((f"{listing}/{number}" for number, _ in self.versions if f"{listing}/{number}" in path), None)
        if path == f"{version}/publicKey":
            return 200, {"name": version, "algorithm": self.algorithm, "pem": spki(self.key, Encoding.PEM).decode()}
        if path == f"{version}:asymmetricSign":
            digest = base64.b64decode(next(iter(_mapping(call.document["digest"]).values())))
            return 200, {"name": version, "signature": base64.b64encode(sign_digest(self.key, digest)).decode()}
        return 404, {"error": {"code": 404}}

    def _list(self, path: str) -> dict[str, object]:
        """One version to a page."""
        page = int((re.findall(r"pageToken=(\d+)", path) or ["0"])[0])
        number, state = self.versions[page]
        answer: dict[str, object] = {
            "cryptoKeyVersions": [{"name": f"{self.name}/cryptoKeyVersions/{number}", "state": state}]
        }
        return answer if page + 1 == len(self.versions) else {**answer, "nextPageToken": str(page + 1)}


class FakeAzure(FakeCloud):
    """Azure Key Vault: numbers in URL-safe base64, ECDSA signatures as r and s side by side."""

    version = "0123456789abcdef0123456789abcdef"
    operations = ("sign", "verify")

    def respond(self, call: Call) -> tuple[int, object]:
        path, _, query = call.path.partition("?")
        assert query == "api-version=7.4"
        if call.headers["authorization"] != f"Bearer {TOKEN}":
            return 401, {"error": {"code": "Unauthorized"}}
        kid = f"https://vault.test/keys/release/{self.version}"
        if path in {"/keys/release", f"/keys/release/{self.version}"}:
            key = {"kid": kid, "key_ops": list(self.operations), **self._numbers()}
            return 200, {"key": key, "attributes": {"enabled": True}}
        if path != f"/keys/release/{self.version}/sign":
            return 404, {"error": {"code": "KeyNotFound"}}
        text = str(call.document["value"])
        digest = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return 200, {"kid": kid, "value": _url_safe(self._sign(digest))}

    def _numbers(self) -> dict[str, object]:
        if isinstance(self.key, rsa.RSAPrivateKey):
            public = self.key.public_key().public_numbers()
            return {"kty": "RSA-HSM", "n": _url_safe_number(public.n), "e": _url_safe_number(public.e)}
        point = self.key.public_key().public_numbers()
        curve = {256: "P-256", 384: "P-384", 521: "P-521"}.get(self.key.curve.key_size, "P-256K")
        return {"kty": "EC-HSM", "crv": curve, "x": _url_safe_number(point.x), "y": _url_safe_number(point.y)}

    def _sign(self, digest: bytes) -> bytes:
        signature = sign_digest(self.key, digest)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return signature
        length = (self.key.curve.key_size + 7) // 8
        return b"".join(number.to_bytes(length, "big") for number in decode_dss_signature(signature))


def _mapping(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


def _url_safe(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _url_safe_number(number: int) -> str:
    return _url_safe(number.to_bytes((number.bit_length() + 7) // 8, "big"))
