"""An OIDC provider with two issuers: one for people, one for jobs of GitHub Actions."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fakes.transparency import Json

_SECONDS = 3600
_KEY_ID = "one"
JOBS = "/jobs"
"""The path of the issuer of jobs; that of people is the bare URL."""


@dataclass(frozen=True, kw_only=True)
class FakeOidcProvider:
    """Signs tokens (RS256) and says how to verify them; `url` is where it is reached."""

    url: str
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def find_document(self, path: str) -> Json | None:
        """The document under a path: the configuration of an issuer, or the keys of both."""
        if path == "/keys":
            return {"keys": [self._public_key()]}
        for issuer in ("", JOBS):
            if path == f"{issuer}/.well-known/openid-configuration":
                return self._configuration(f"{self.url}{issuer}")
        return None

    def sign_mail(self, address: str) -> str:
        """The token of a person with a verified address."""
        return self._sign(self.url, address, email=address, email_verified=True)

    def sign_job(self, *, repository: str, workflow: str, ref: str) -> str:
        """The token of a job that runs a workflow file of a repository at a ref."""
        file = f"{repository}/.github/workflows/{workflow}@{ref}"
        commit = hashlib.sha1(ref.encode(), usedforsecurity=False).hexdigest()
        return self._sign(
            f"{self.url}{JOBS}",
            f"repo:{repository}:ref:{ref}",
            job_workflow_ref=file,
            job_workflow_sha=commit,
            workflow_ref=file,
            workflow_sha=commit,
            workflow=workflow,
            sha=commit,
            ref=ref,
            repository=repository,
            repository_id="42",
            repository_owner=repository.partition("/")[0],
            repository_owner_id="7",
            repository_visibility="private",
            event_name="push",
            run_id="1",
            run_attempt="1",
            runner_environment="self-hosted",
        )

    def _sign(self, issuer: str, subject: str, **claims: object) -> str:
        now = int(time.time())
        times = {"iat": now, "nbf": now - 60, "exp": now + _SECONDS}
        body = {"iss": issuer, "sub": subject, "aud": "sigstore", **times, **claims}
        signed = f"{_encode_json({'alg': 'RS256', 'kid': _KEY_ID, 'typ': 'JWT'})}.{_encode_json(body)}"
        return f"{signed}.{_encode(self.key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"

    def _public_key(self) -> Json:
        numbers = self.key.public_key().public_numbers()
        modulus, exponent = numbers.n.to_bytes(256, "big"), numbers.e.to_bytes(3, "big")
        values = {"n": _encode(modulus), "e": _encode(exponent)}
        return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": _KEY_ID, **values}

    def _configuration(self, issuer: str) -> Json:
        return {
            "issuer": issuer,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{issuer}/authorise",
            "token_endpoint": f"{issuer}/token",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _encode_json(document: Json) -> str:
    return _encode(json.dumps(document).encode())
