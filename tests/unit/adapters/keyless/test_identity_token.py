"""An identity comes from a token, from the CI system or from a browser, and from nowhere else."""

import gc
import json
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from assay.adapters.keyless.identity_token import ask_for_token, find_ambient_token, read_token
from assay.domain.errors import AssayError
from tests.fakes.http_server import Script, answering
from tests.fakes.oidc import FakeOidcProvider

PROVIDER = FakeOidcProvider(url="http://127.0.0.1:1")
TOKEN = PROVIDER.sign_mail("alice@sigstore.test")
AMBIENT = ("GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(AssayError) as caught:
        call()
    return caught.value.code


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*AMBIENT, "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("id._internal.oidc.ambient._GCP_PRODUCT_NAME_FILE", "/nowhere")


def test_a_token_at_hand_is_read() -> None:
    assert str(read_token(f"{TOKEN}\n")) == TOKEN


@pytest.mark.parametrize("text", ["", "a.b.c", TOKEN[:-200]])
def test_a_text_that_is_no_token_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(AssayError) as caught:
        read_token(text)
    assert caught.value.code == "identity_token_unusable"
    assert not text or text not in str(caught.value)


def test_outside_of_a_job_there_is_no_token() -> None:
    assert find_ambient_token() is None


def as_github_job(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in zip(AMBIENT, ("true", "bearer", f"{url}/token?x=y"), strict=True):
        monkeypatch.setenv(name, value)


def test_a_job_has_the_token_of_its_ci_system(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(Script(body=json.dumps({"value": TOKEN}).encode(), headers={"Connection": "close"})) as script:
        as_github_job(monkeypatch, script.url)
        found = find_ambient_token()
    assert str(found) == TOKEN
    assert "audience=sigstore" in script.seen[0][1]


def test_a_ci_system_that_refuses_is_an_error_and_not_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(Script(status=403, headers={"Connection": "close"})) as script:
        as_github_job(monkeypatch, script.url)
        assert refusal(find_ambient_token) == "identity_unavailable"
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL")
    assert refusal(find_ambient_token) == "identity_unavailable"


@pytest.mark.parametrize("body", [b"{}", b"no JSON"])
def test_an_issuer_that_is_none_gives_no_token(body: bytes) -> None:
    with answering(Script(body=body, headers={"Connection": "close"})) as script:
        assert refusal(lambda: ask_for_token(script.url)) == "identity_unavailable"


# sigstore-python's redirect server leaves its socket to the garbage collector, which therefore has to come now.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whoever_logs_in_gets_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser follows the address that it is given, and the provider sends it back with a code."""
    provider = Script(headers={"Connection": "close"})
    with answering(provider):
        endpoints = {f"{name}_endpoint": f"{provider.url}/{name}" for name in ("authorization", "token")}
        provider.body = json.dumps({**endpoints, "access_token": TOKEN}).encode()

        def browse(address: str) -> bool:
            sent = requests.get(address, allow_redirects=False, timeout=10).headers["Location"]
            asked = dict(parse_qsl(urlsplit(sent).query))
            requests.get(asked["redirect_uri"], params={"code": "c", "state": asked["state"]}, timeout=10)
            return True

        monkeypatch.setattr("webbrowser.open", browse)
        assert str(ask_for_token(provider.url)) == TOKEN
    gc.collect()
