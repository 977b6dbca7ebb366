"""Evidence signed by an identity: a CA certifies a key that lives for one command; logs and timestamps vouch for it."""

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import requests
from sigstore._internal.fulcio.client import ExpiredCertificate, FulcioClientError
from sigstore._internal.rekor import RekorClientError
from sigstore.dsse import Statement
from sigstore.errors import Error
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import ExpiredIdentity, IdentityToken
from sigstore.sign import Signer as SigstoreSigner
from sigstore.sign import SigningContext

from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError, EvidenceRejected, InvalidInput, Unavailable
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.formats.bundle import parse_bundle
from assay.verification.identity import IdentityPattern, read_identity
from assay.verification.text_pattern import TextPattern
from assay.verification.trust_root import TrustRoot

_CLIENT_TRUST = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
# cosign writes an empty config for services that there are none of; sigstore-python wants it to choose among them.
_CONFIGS = {"rekorTlogUrls": "rekorTlogConfig", "tsaUrls": "tsaConfig"}
_ROOT = "signing"
_THREAD = "assay-signing"
_FIRST_CLIENT_ERROR, _FIRST_SERVER_ERROR = 400, 500
# What signing raises, as far as sigstore-python's source says; requests' errors are OSErrors. Three of them are plain
# exceptions of its internal modules: they have no base to catch them by, and no public module offers them.
_FAILURES = (
    Error,
    ExpiredCertificate,
    ExpiredIdentity,
    FulcioClientError,
    RekorClientError,
    OSError,
    ValueError,
    KeyError,
)
_Result = TypeVar("_Result")


class KeylessSigner:
    """Signs evidence through sigstore-python; implements the port `EvidenceSigner`.

    Guaranteed: no call outlives the deadline; only `InvalidInput(sigstore_refused | evidence_unverified)` and
    `Unavailable(sigstore_unavailable)` leave. One certificate serves every signature of an instance.
    """

    def __init__(
        self, context: SigningContext, token: IdentityToken, *, root: TrustRoot, deadline: Deadline, limits: Limits
    ) -> None:
        self._context = context
        self._token = token
        self._root = root
        self._deadline = deadline
        self._limits = limits
        self._signer: SigstoreSigner | None = None
        self._authority: Authority | None = None

    def sign_statement(self, payload: bytes) -> bytes:
        """The bundle around an in-toto statement of version 1, each of whose subjects has a name."""
        return self._sign(lambda signer: signer.sign_dsse(Statement(payload)))

    def sign_message(self, message: bytes) -> bytes:
        """The bundle with the signature over a message."""
        return self._sign(lambda signer: signer.sign_artifact(message))

    def authority(self) -> Authority:
        """The identity that the last certificate was issued to; `RuntimeError` before anything was signed."""
        if self._authority is None:
            raise RuntimeError("nobody knows the identity before something was signed")
        return self._authority

    def roots(self) -> Mapping[str, TrustRoot]:
        """The trust root that certificates, logs and timestamps are judged by."""
        return {_ROOT: self._root}

    def _sign(self, sign: Callable[[SigstoreSigner], Bundle]) -> bytes:
        bundle = _within(self._deadline, lambda: sign(self._open()).to_json().encode())
        self._authority = _holder(bundle, self._limits)
        return bundle

    def _open(self) -> SigstoreSigner:
        if self._signer is None:
            with self._context.signer(self._token) as signer:
                self._signer = signer
        return self._signer


def load_trust_config(signing_config: Path, trusted_root: Path) -> ClientTrustConfig:
    """The services to sign with and the root that they are judged by.

    Raises `ConfigError(signing_config_unusable)`; `OSError` for a file that cannot be read.
    """
    texts = {"signingConfig": signing_config.read_bytes(), "trustedRoot": trusted_root.read_bytes()}
    try:
        document = {name: json.loads(text) for name, text in texts.items()}
        for services, config in _CONFIGS.items():
            if not document["signingConfig"].get(services):
                document["signingConfig"][config] = {"selector": "ANY"}
        return ClientTrustConfig.from_json(json.dumps({"mediaType": _CLIENT_TRUST, **document}))
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        raise _unusable(signing_config, error) from error


def open_context(config: ClientTrustConfig, signing_config: Path) -> SigningContext:
    """The services of a signing config, chosen; nobody is asked yet.

    Raises `ConfigError(signing_config_unusable)` without a certificate authority or a log that is valid now.
    """
    try:
        return SigningContext.from_trust_config(config)
    except (Error, ValueError, IndexError) as error:
        raise _unusable(signing_config, error) from error


def _within(deadline: Deadline, call: Callable[[], _Result]) -> _Result:
    """Make a call that has no timeout of its own; the thread of one that stands still dies with the process."""
    future: Future[_Result] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except _FAILURES as error:
            future.set_exception(_translated(error))
        finally:
            if not future.done():
                future.set_exception(_failed("an unexpected error of sigstore-python"))

    threading.Thread(target=work, name=_THREAD, daemon=True).start()
    try:
        return future.result(timeout=deadline.remaining("signing"))
    except TimeoutError as error:
        raise _failed("the services did not answer in time") from error


def _translated(error: BaseException) -> AssayError:
    status = _status(error)
    reason = f"{type(error).__name__}: {str(error)[:200]}" if str(error) else type(error).__name__
    if _FIRST_CLIENT_ERROR <= status < _FIRST_SERVER_ERROR:
        return InvalidInput(
            "sigstore_refused",
            f"a signing service refuses with status {status} ({reason})",
            remedy="check that the service knows the token's issuer and audience",
        )
    return _failed(reason)


def _failed(reason: str) -> Unavailable:
    return Unavailable(
        "sigstore_unavailable", f"signing failed: {reason}", remedy="repeat; look at the services of the signing config"
    )


def _status(error: BaseException | None) -> int:
    """The HTTP status behind an exception, 0 when there is none."""
    while error is not None:
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return error.response.status_code
        error = error.__cause__ or error.__context__
    return 0


def _holder(bundle: bytes, limits: Limits) -> Authority:
    (certificate, *_) = parse_bundle(bundle, limits=limits).certificates
    try:
        identity = read_identity(certificate)
    except EvidenceRejected as error:
        raise InvalidInput(
            "evidence_unverified", error.message, remedy="ask for a certificate of one holder"
        ) from error
    rule = IdentityPattern(issuer=TextPattern(exact=identity.issuer), san=TextPattern(exact=identity.san))
    return Authority(name="signer", identities=(rule,), root=_ROOT)


def _unusable(file: Path, error: Exception) -> ConfigError:
    return ConfigError(
        "signing_config_unusable",
        f"{file} and its trusted root cannot be used to sign ({type(error).__name__}: {str(error)[:200]})",
        remedy="name a signing config (version 0.2) with a CA and a log that are valid now, and their trusted root",
    )
