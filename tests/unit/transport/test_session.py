"""Sessions that go nowhere by themselves, and bodies that end."""

import io
from functools import partial

import pytest
import requests
from urllib3 import HTTPResponse

from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from assay.transport.session import DirectSession, read_body
from tests.fakes.clock import FrozenClock


def answer(content: bytes) -> HTTPResponse:
    return HTTPResponse(io.BytesIO(content), preload_content=False)


def test_a_session_does_not_look_where_a_redirect_leads() -> None:
    redirect = requests.Response()
    redirect.status_code = 302
    redirect.headers["Location"] = "https://elsewhere.example/"
    assert redirect.is_redirect
    with DirectSession() as session:
        assert session.get_redirect_target(redirect) is None


def test_a_session_takes_from_the_environment_only_when_told() -> None:
    with DirectSession(verify="ca.pem") as closed, DirectSession(environment=True) as opened:
        assert (closed.trust_env, closed.verify, opened.trust_env, opened.verify) == (False, "ca.pem", True, True)


def test_a_body_within_its_bound_is_whole() -> None:
    assert read_body(answer(b"x" * 200_000), largest=200_000, go_on=lambda: None) == b"x" * 200_000


def test_of_a_longer_body_a_beginning_comes_back_that_is_longer_than_the_bound() -> None:
    found = read_body(answer(b"x" * 1_000_000), largest=100_000, go_on=lambda: None)
    assert 100_000 < len(found) < 300_000


def test_a_body_ends_with_the_time_that_is_left() -> None:
    clock = FrozenClock()
    deadline = Deadline.after(1, clock.monotonic)
    go_on = partial(deadline.remaining, "the answer")
    assert read_body(answer(b"x"), largest=8, go_on=go_on) == b"x"
    clock.seconds += 2
    with pytest.raises(Unavailable) as caught:
        read_body(answer(b"x"), largest=8, go_on=go_on)
    assert caught.value.code == "deadline_exceeded"
