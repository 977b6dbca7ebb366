"""What the services do, or fail to do, becomes a bundle or an error of ours."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from sigstore.errors import Error
from sigstore.models import Bundle
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext

from assay.adapters.keyless.signer import KeylessSigner, load_trust_config, open_context
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError, InvalidInput
from assay.domain.evidence import AttestationClaim, EvidenceItem, EvidenceShape
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE
from assay.usecases.sign import state_attestation
from assay.verification.item import verify_item
from tests.fakes.certificate import Leaf
from tests.fakes.desk import write_signing_config
from tests.fakes.judge import trust
from tests.fakes.oci import soon
from tests.fakes.sigstore import IMAGE, FakeSigstore, Recipe

WORLD = FakeSigstore()
STATEMENT = state_attestation(name="app", digest=IMAGE, predicate_type="https://t", predicate={})


@dataclass
class Services:
    """Stands for sigstore-python: a certificate for every token, unless `answer` says otherwise."""

    answer: Callable[[], None] = lambda: None
    opened: int = 0
    world: FakeSigstore = WORLD

    @contextmanager
    def signer(self, _token: IdentityToken) -> Iterator["Services"]:
        self.opened += 1
        yield self

    def sign_dsse(self, statement: Any) -> Bundle:
        self.answer()
        return Bundle.from_json(self.world.mint(Recipe(), payload=lambda _: statement._contents).content)

    def sign_artifact(self, message: bytes) -> Bundle:
        self.answer()
        recipe = Recipe(content="message", body="hashedrekord 0.0.1")
        return Bundle.from_json(WORLD.mint(recipe, manifest=message).content)


def make(services: Services, deadline: Deadline | None = None) -> KeylessSigner:
    context, token = cast("SigningContext", services), cast("IdentityToken", None)
    return KeylessSigner(context, token, root=trust(WORLD), deadline=deadline or soon(), limits=Limits())


def refusal(error: Exception) -> AssayError:
    def fail() -> None:
        raise error

    with pytest.raises(AssayError) as caught:
        make(Services(answer=fail)).sign_statement(STATEMENT)
    return caught.value


def http_error(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError("refused", response=response)


def test_a_statement_is_signed_by_the_identity_that_the_certificate_names() -> None:
    signer = make(Services())
    item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=signer.sign_statement(STATEMENT))
    claim = verify_item(item, subject=IMAGE, authorities=[signer.authority()], roots=signer.roots(), limits=Limits())
    assert isinstance(claim, AttestationClaim)
    assert claim.predicate_type != IMAGE_SIGNATURE


def test_one_certificate_serves_every_signature() -> None:
    services = Services()
    signer = make(services)
    assert b"messageSignature" in signer.sign_message(b"payload")
    assert b"dsseEnvelope" in signer.sign_statement(STATEMENT)
    assert services.opened == 1


def test_a_certificate_without_a_holder_is_refused() -> None:
    nobody = replace(WORLD, leaf=Leaf(san=()))
    with pytest.raises(InvalidInput) as caught:
        make(Services(world=nobody)).sign_statement(STATEMENT)
    assert caught.value.code == "evidence_unverified"
    assert make(Services()).sign_statement(STATEMENT)


def test_nobody_knows_the_identity_before() -> None:
    with pytest.raises(RuntimeError):
        make(Services()).authority()


@pytest.mark.parametrize(("status", "code"), [(400, "sigstore_refused"), (500, "sigstore_unavailable")])
def test_a_service_that_refuses_is_told_from_one_that_fails(status: int, code: str) -> None:
    outer = Error("wrapped")
    outer.__cause__ = http_error(status)
    assert refusal(http_error(status)).code == refusal(outer).code == code


@pytest.mark.parametrize("error", [ValueError(), requests.ConnectionError("no"), KeyError("chain"), Error("x")])
def test_whatever_else_goes_wrong_is_a_service_that_is_not_available(error: Exception) -> None:
    refused = refusal(error)
    assert (refused.code, refused.retryable) == ("sigstore_unavailable", True)
    assert type(error).__name__ in refused.message


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_expects_ends_the_call_at_once() -> None:
    refused = refusal(TypeError("of the library"))
    for thread in threading.enumerate():
        if thread.name == "assay-signing":  # what it dies of has to be told in this test
            thread.join(60)
    assert (refused.code, "unexpected" in refused.message) == ("sigstore_unavailable", True)


def wait(released: threading.Event) -> None:
    released.wait(60)


def test_a_service_that_stands_still_is_left_at_the_deadline() -> None:
    released = threading.Event()
    times = iter([0.0])
    deadline = Deadline(at=0.01, clock=lambda: next(times))
    with pytest.raises(AssayError) as caught:
        make(Services(answer=lambda: wait(released)), deadline).sign_message(b"payload")
    released.set()
    assert caught.value.code == "sigstore_unavailable"


def test_a_signing_config_names_the_services(tmp_path: Path) -> None:
    files = write_signing_config(tmp_path)
    assert open_context(load_trust_config(*files), files[0]) is not None


@pytest.mark.parametrize("change", ["caUrls", "rekorTlogUrls"])
def test_a_signing_config_needs_a_ca_and_a_log(tmp_path: Path, change: str) -> None:
    files = write_signing_config(tmp_path, **{change: []})
    with pytest.raises(ConfigError) as caught:
        open_context(load_trust_config(*files), files[0])
    assert caught.value.code == "signing_config_unusable"


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"mediaType":"x"}'])
def test_what_is_no_signing_config_is_refused(tmp_path: Path, text: str) -> None:
    files = write_signing_config(tmp_path)
    files[0].write_text(text)
    with pytest.raises((ConfigError, InvalidInput)) as caught:
        open_context(load_trust_config(*files), files[0])
    assert caught.value.code == "signing_config_unusable"
