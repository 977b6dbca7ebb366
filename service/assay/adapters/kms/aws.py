"""Keys in AWS KMS: `GetPublicKey` and `Sign` of its JSON API, credentials and request signatures by botocore.

API: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

import http
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from assay.adapters.kms.answer import Answer
from assay.adapters.kms.connection import KmsConnection, denied, render_body, scheme_of_host
from assay.adapters.kms.key import ServiceKey, key_unknown, key_unsupported, read_public_key
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError
from assay.domain.key_uri import AwsKey
from assay.domain.signature_algorithm import SignatureAlgorithm
from assay.formats.base64text import encode_base64
from assay.formats.signing_key import signature_algorithm

_SERVICE = "AWS KMS"
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{1,12}){1,3}-[0-9]{1,2}", re.ASCII)
_ALGORITHMS = {
    SignatureAlgorithm.ECDSA_P256_SHA256: "ECDSA_SHA_256",
    SignatureAlgorithm.ECDSA_P384_SHA384: "ECDSA_SHA_384",
    SignatureAlgorithm.ECDSA_P521_SHA512: "ECDSA_SHA_512",
    SignatureAlgorithm.RSA_PKCS1_SHA256: "RSASSA_PKCS1_V1_5_SHA_256",
}
_DENIED = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
_UNUSABLE = frozenset({"InvalidKeyUsageException", "UnsupportedOperationException"})


class AwsKeyService:
    """One key of AWS KMS; `host` is the endpoint's, `session` where botocore finds credentials."""

    def __init__(self, uri: AwsKey, *, host: str, region: str, session: Session) -> None:
        self._uri = uri
        self._region = region
        self._session = session
        self._address = f"{scheme_of_host(host)}://{host}"
        self._connection = KmsConnection(self._address, service=_SERVICE)

    @classmethod
    def open(cls, uri: AwsKey, environment: Mapping[str, str]) -> "AwsKeyService":
        """Find region and endpoint: an ARN names its region, else `AWS_REGION` or AWS's own configuration does.

        Nothing is sent yet. Raises `ConfigError(kms_not_configured)`.
        """
        session = Session()
        named = uri.key.split(":")[3] if uri.key.startswith("arn:") else ""
        region = named or environment.get("AWS_REGION") or session.get_config_variable("region") or ""
        if not _REGION.fullmatch(region):
            raise _not_configured("no region is named", "set AWS_REGION, or write the key's ARN")
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return cls(uri, host=uri.endpoint or f"kms.{region}.{suffix}", region=region, session=session)

    def fetch_key(self, deadline: Deadline) -> ServiceKey:
        """The key behind the id, alias or ARN, by its own ARN: an alias may move, this key stays itself."""
        answer = self._call("GetPublicKey", {"KeyId": self._uri.key}, deadline)
        if answer.text("KeyUsage") != "SIGN_VERIFY":
            raise key_unsupported(_SERVICE, self._uri, "the usage")
        public_key = read_public_key(answer.octets("PublicKey"), service=_SERVICE)
        algorithm = signature_algorithm(public_key)
        if _ALGORITHMS.get(algorithm) not in answer.texts("SigningAlgorithms"):
            raise key_unsupported(_SERVICE, self._uri, "the algorithm")
        return ServiceKey(public_key=public_key, algorithm=algorithm, version=answer.text("KeyId"))

    def sign(self, key: ServiceKey, message: bytes, deadline: Deadline) -> bytes:
        """Sign the message's digest."""
        question = {
            "KeyId": key.version,
            "Message": encode_base64(key.algorithm.digest(message)),
            "MessageType": "DIGEST",
            "SigningAlgorithm": _ALGORITHMS[key.algorithm],
        }
        return self._call("Sign", question, deadline).octets("Signature")

    def _call(self, action: str, question: Mapping[str, object], deadline: Deadline) -> Answer:
        body = render_body(question)
        headers = self._authenticate(action, body)
        status, answer = self._connection.call("POST", "/", deadline, headers=headers, body=body)
        if status != http.HTTPStatus.OK:
            raise self._refusal(status, answer.text("__type", "").rpartition("#")[2])
        return answer

    def _authenticate(self, action: str, body: bytes) -> Mapping[str, str]:
        """The headers of a request with its signature (AWS Signature Version 4)."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"TrentService.{action}",
            "Host": urlsplit(self._address).netloc,
        }
        request = AWSRequest(method="POST", url=f"{self._address}/", data=body, headers=headers)
        try:
            credentials = self._session.get_credentials()
            if credentials is None:
                raise _not_configured("no credentials are found", "configure them as for the aws command")
            SigV4Auth(credentials.get_frozen_credentials(), "kms", self._region).add_auth(request)
        except BotoCoreError as error:
            raise self._connection.unavailable(f"credentials: {type(error).__name__}") from error
        return dict(request.headers.items())

    def _refusal(self, status: int, kind: str) -> AssayError:
        if kind == "NotFoundException":
            return key_unknown(_SERVICE, self._uri)
        if kind in _UNUSABLE:
            return key_unsupported(_SERVICE, self._uri, "the usage or algorithm")
        if kind in _DENIED:
            return denied(_SERVICE, kind)
        return self._connection.unavailable(f"HTTP status {status} {kind[:60]}".rstrip())


def _not_configured(why: str, remedy: str) -> ConfigError:
    return ConfigError("kms_not_configured", f"{_SERVICE} cannot be reached: {why}", remedy=remedy)
