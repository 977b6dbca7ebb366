"""What the certificate authority does, or fails to do, becomes a certificate or an error of ours."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import pytest
import requests
from cryptography import x509
from cryptography.x509 import CertificateSigningRequest
from sigstore.errors import Error
from sigstore.oidc import IdentityToken

from assay.adapters.keyless import certificate as module
from assay.adapters.keyless.certificate import EphemeralSigner
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.usecases.checked_signer import CheckedSigner
from tests.fakes.oci import soon
from tests.fakes.sigstore import FakeSigstore

WORLD = FakeSigstore()
TOKEN = cast("IdentityToken", None)


@dataclass
class Fulcio:
    """Stands for the client of sigstore-python: a certificate for every request, unless `answer` says otherwise."""

    answer: Callable[[], None] = lambda: None
    asked: CertificateSigningRequest | None = None

    def __call__(self, _url: str) -> "Fulcio":
        return self

    @property
    def signing_cert(self) -> "Fulcio":
        return self

    @property
    def cert(self) -> x509.Certificate:
        return WORLD.authority.issue(WORLD.leaf)

    def post(self, request: CertificateSigningRequest, _token: IdentityToken) -> "Fulcio":
        self.asked = request
        self.answer()
        return self


def ask(fulcio: Fulcio, monkeypatch: pytest.MonkeyPatch, deadline: Deadline | None = None) -> x509.Certificate:
    monkeypatch.setattr(module, "FulcioClient", fulcio)
    return EphemeralSigner().request_certificate("https://ca.test", TOKEN, deadline or soon())


def refusal(error: Exception, monkeypatch: pytest.MonkeyPatch) -> AssayError:
    def fail() -> None:
        raise error

    with pytest.raises(AssayError) as caught:
        ask(Fulcio(answer=fail), monkeypatch)
    return caught.value


def http_error(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError("refused", response=response)


def test_a_certificate_is_asked_for_with_proof_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    fulcio = Fulcio()
    assert ask(fulcio, monkeypatch)
    assert fulcio.asked is not None
    assert fulcio.asked.is_signature_valid


def test_the_key_signs_and_no_two_are_the_same() -> None:
    first, second = EphemeralSigner(), EphemeralSigner()
    assert CheckedSigner(first).sign(b"message")
    assert first.public_key() != second.public_key()


@pytest.mark.parametrize(("status", "code"), [(400, "sigstore_refused"), (500, "sigstore_unavailable")])
def test_an_authority_that_refuses_is_told_from_one_that_fails(
    status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = Error("wrapped")
    outer.__cause__ = http_error(status)
    assert refusal(http_error(status), monkeypatch).code == refusal(outer, monkeypatch).code == code


@pytest.mark.parametrize("error", [ValueError(), requests.ConnectionError("no"), KeyError("chain"), Error("x")])
def test_whatever_else_goes_wrong_is_an_authority_that_is_not_available(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refusal(error, monkeypatch)
    assert (refused.code, refused.retryable) == ("sigstore_unavailable", True)
    assert type(error).__name__ in refused.message


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_expects_ends_the_call_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = refusal(TypeError("of the library"), monkeypatch)
    for thread in threading.enumerate():
        if thread.name == "assay-certificate":  # what it dies of has to be told in this test
            thread.join(60)
    assert (refused.code, "unexpected" in refused.message) == ("sigstore_unavailable", True)


def test_an_authority_that_stands_still_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    times = iter([0.0])
    deadline = Deadline(at=0.01, clock=lambda: next(times))

    def wait() -> None:
        released.wait(60)

    with pytest.raises(AssayError) as caught:
        ask(Fulcio(answer=wait), monkeypatch, deadline)
    released.set()
    assert caught.value.code == "sigstore_unavailable"
