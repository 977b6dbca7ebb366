"""Keys in Google Cloud KMS: its REST API, access tokens by google-auth.

API: https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions
"""

import functools
import http
from collections.abc import Callable
from urllib.parse import quote

import google.auth
import requests
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import Request

from assay.adapters.kms.answer import Answer, refuse_answer
from assay.adapters.kms.connection import KmsConnection, render_body
from assay.adapters.kms.key import ServiceKey, key_unknown, key_unsupported, read_public_key
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.key_uri import GcpKey
from assay.domain.signature_algorithm import SignatureAlgorithm
from assay.formats.base64text import encode_base64
from assay.formats.pem import decode_pem

ADDRESS = "https://cloudkms.googleapis.com"
_SERVICE = "Google Cloud KMS"
_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_TOKEN_SECONDS = 5.0
_MOST_PAGES = 20
_ALGORITHMS = {
    "EC_SIGN_P256_SHA256": SignatureAlgorithm.ECDSA_P256_SHA256,
    "EC_SIGN_P384_SHA384": SignatureAlgorithm.ECDSA_P384_SHA384,
    "EC_SIGN_ED25519": SignatureAlgorithm.ED25519,
    **{f"RSA_SIGN_PKCS1_{size}_SHA256": SignatureAlgorithm.RSA_PKCS1_SHA256 for size in (2048, 3072, 4096)},
}

TokenSource = Callable[[], str]


def default_tokens() -> TokenSource:
    """Access tokens of the application default credentials; renewed when they expire.

    Raises `ConfigError(kms_not_configured)` when there are none.
    """
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except DefaultCredentialsError as error:
        raise ConfigError(
            "kms_not_configured",
            f"{_SERVICE} cannot be reached: there are no application default credentials",
            remedy="set GOOGLE_APPLICATION_CREDENTIALS, or run where a service account is attached",
        ) from error
    session = requests.Session()
    session.trust_env = False
    request = functools.partial(Request(session), timeout=_TOKEN_SECONDS)

    def token() -> str:
        if not credentials.valid:
            credentials.refresh(request)  # type: ignore[no-untyped-call]  # the library's own gap
        return str(credentials.token)

    return token


class GcpKeyService:
    """One key of Google Cloud KMS."""

    def __init__(self, uri: GcpKey, *, tokens: TokenSource, address: str = ADDRESS) -> None:
        self._uri = uri
        self._tokens = tokens
        self._connection = KmsConnection(address, service=_SERVICE)

    def fetch_key(self, deadline: Deadline) -> ServiceKey:
        """The version that is named, else the newest one that is enabled."""
        version = self._uri.version or str(self._find_newest(deadline))
        name = f"{self._uri.name}/cryptoKeyVersions/{version}"
        answer = self._call("GET", f"/v1/{name}/publicKey", deadline)
        algorithm = _ALGORITHMS.get(kind := answer.text("algorithm"))
        if algorithm is None:
            raise key_unsupported(_SERVICE, self._uri, f"the algorithm {kind[:60]!r}")
        if answer.text("name") != name:
            raise refuse_answer(_SERVICE, "it is about another key")
        pem = answer.text("pem").encode()
        try:
            _, spki = decode_pem(pem, what="the public key")
        except InvalidInput as error:
            raise refuse_answer(_SERVICE, "its public key cannot be read") from error
        return ServiceKey(public_key=read_public_key(spki, service=_SERVICE), algorithm=algorithm, version=name)

    def sign(self, key: ServiceKey, message: bytes, deadline: Deadline) -> bytes:
        """Sign with this version: a digest for ECDSA and RSA, the message itself for Ed25519."""
        octets = encode_base64(key.algorithm.digest(message))
        name = key.algorithm.hash_name
        body = render_body({"digest": {name: octets}} if name else {"data": octets})
        answer = self._call("POST", f"/v1/{key.version}:asymmetricSign", deadline, body)
        if answer.text("name") != key.version:
            raise refuse_answer(_SERVICE, "another version of the key signed")
        return answer.octets("signature")

    def _find_newest(self, deadline: Deadline) -> int:
        """The greatest enabled version; whatever the order and filter of the answer, all pages are looked at."""
        versions: list[int] = []
        token = ""
        for _ in range(_MOST_PAGES):
            path = f"/v1/{self._uri.name}/cryptoKeyVersions?filter=state%3DENABLED&pageSize=1000"
            page = self._call("GET", f"{path}&pageToken={quote(token, safe='')}" if token else path, deadline)
            for entry in page.sections("cryptoKeyVersions"):
                number = entry.text("name").rpartition("/")[2]
                if entry.text("state", "") == "ENABLED" and number.isdecimal():
                    versions.append(int(number))
            token = page.text("nextPageToken", "")
            if not token:
                break
        else:
            raise refuse_answer(_SERVICE, f"more than {_MOST_PAGES} pages of versions")
        if not versions:
            raise key_unknown(_SERVICE, self._uri)
        return max(versions)

    def _call(self, method: str, path: str, deadline: Deadline, body: bytes | None = None) -> Answer:
        try:
            token = self._tokens()
        except GoogleAuthError as error:
            raise self._connection.unavailable(f"credentials: {type(error).__name__}") from error
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, answer = self._connection.call(method, path, deadline, headers=headers, body=body)
        if status == http.HTTPStatus.NOT_FOUND:
            raise key_unknown(_SERVICE, self._uri)
        if status != http.HTTPStatus.OK:
            raise self._connection.unavailable(f"HTTP status {status}")
        return answer
