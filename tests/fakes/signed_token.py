"""Bearer tokens as Distribution verifies them: JSON Web Tokens (RFC 7519) signed with ECDSA P-256."""

import base64
import json
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER, SERVICE = "fake issuer", "fake"


@dataclass(frozen=True)
class TokenSigner:
    """Signs tokens that `key_set` verifies."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def key_set(self) -> str:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        point = self.key.public_key().public_numbers()
        coordinates = {"x": _packed(point.x.to_bytes(32)), "y": _packed(point.y.to_bytes(32))}
        key = {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "fake", **coordinates}
        return json.dumps({"keys": [key]})

    def sign(self, scopes: set[str]) -> str:
        """A token for these scopes (`repository:PATH:ACTION,ACTION`), valid for five minutes."""
        now = int(time.time())
        granted = [scope.split(":") for scope in scopes]
        claims = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": "user",
            "jti": "1",
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 300,
            "access": [{"type": kind, "name": path, "actions": acts.split(",")} for kind, path, acts in granted],
        }
        head = {"typ": "JWT", "alg": "ES256", "kid": "fake"}
        signed = ".".join(_packed(json.dumps(part).encode()) for part in (head, claims))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_packed(r.to_bytes(32) + s.to_bytes(32))}"


def _packed(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
