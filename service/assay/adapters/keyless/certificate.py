"""A key that lives for one command, and the certificate that a CA (Fulcio) gives it for an identity token."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import BasicConstraints, Certificate, CertificateSigningRequestBuilder, Name
from sigstore._internal.fulcio.client import FulcioClient, FulcioClientError
from sigstore.errors import Error
from sigstore.oidc import ExpiredIdentity, IdentityToken

from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.identity import PublicKey

_THREAD = "assay-certificate"
_FIRST_CLIENT_ERROR, _FIRST_SERVER_ERROR = 400, 500
# What asking raises, as far as sigstore-python's source says; requests' errors are OSErrors. `FulcioClientError` is a
# plain exception of an internal module: it has no base to catch it by, and no public module offers it or the client.
_FAILURES = (Error, ExpiredIdentity, FulcioClientError, OSError, ValueError, KeyError)
_Result = TypeVar("_Result")


class EphemeralSigner:
    """A fresh P-256 key in memory; implements the port `Signer`."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def public_key(self) -> PublicKey:
        """The public half."""
        return PublicKey(spki=self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, message: bytes) -> bytes:
        """The signature over the message, in DER."""
        return self._key.sign(message, ec.ECDSA(SHA256()))

    def request_certificate(self, authority: str, token: IdentityToken, deadline: Deadline) -> Certificate:
        """The certificate that the CA at this address gives the key for a token; nothing of it is verified.

        Raises `InvalidInput(sigstore_refused)` and `Unavailable(sigstore_unavailable)`; no call outlives the deadline.
        """
        builder = CertificateSigningRequestBuilder().subject_name(Name([]))
        request = builder.add_extension(BasicConstraints(ca=False, path_length=None), critical=True).sign(
            self._key, SHA256()
        )
        return _within(deadline, lambda: FulcioClient(authority).signing_cert.post(request, token).cert)


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
        return future.result(timeout=deadline.remaining("the certificate"))
    except TimeoutError as error:
        raise _failed("it did not answer in time") from error


def _translated(error: BaseException) -> AssayError:
    status = _status(error)
    reason = f"{type(error).__name__}: {str(error)[:200]}" if str(error) else type(error).__name__
    if _FIRST_CLIENT_ERROR <= status < _FIRST_SERVER_ERROR:
        return InvalidInput(
            "sigstore_refused",
            f"the certificate authority refuses with status {status} ({reason})",
            remedy="check that it knows the token's issuer and audience",
        )
    return _failed(reason)


def _failed(reason: str) -> Unavailable:
    return Unavailable(
        "sigstore_unavailable",
        f"the certificate authority gave no certificate: {reason}",
        remedy="repeat; look at the services of the signing config",
    )


def _status(error: BaseException | None) -> int:
    """The HTTP status behind an exception, 0 when there is none."""
    while error is not None:
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return error.response.status_code
        error = error.__cause__ or error.__context__
    return 0
