"""Calls and replies of applications that answer in the loop of a worker."""

import re

import pytest

from assay.adapters.supervision.loop_application import render_reply
from assay.domain.http_call import HttpCall, HttpReply
from tests.unit.adapters.supervision.test_connection import HEAD, Ends, ends

__all__ = ["ends"]  # a fixture of this module, too


@pytest.mark.parametrize(
    ("fields", "content_type"),
    [
        (b"", ""),
        (b"Content-Type: application/json; charset=utf-8\r\n", "application/json; charset=utf-8"),
        (b"X-Type: a\r\ncontent-type: text/plain\r\nX-Type: b\r\n", "text/plain"),
    ],
    ids=["none", "one", "one among others"],
)
def test_a_call_is_what_its_request_says(ends: Ends, fields: bytes, content_type: str) -> None:
    request = ends.send(HEAD + fields + b"Content-Length: 4\r\n\r\nbody")
    assert request.call == HttpCall(
        method="POST", path="/mutate", query="timeout=10s", content_type=content_type, body=b"body"
    )


def test_a_path_stays_as_it_was_sent_and_a_query_may_be_missing(ends: Ends) -> None:
    call = ends.send(b"GET /%6dutate HTTP/1.1\r\nHost: a\r\n\r\n").call
    assert (call.method, call.path, call.query, call.body) == ("GET", "/%6dutate", "", b"")


@pytest.mark.parametrize(("close", "told"), [(True, b"close"), (False, b"keep-alive")])
def test_a_reply_tells_its_length_and_whether_the_connection_goes_on(told: bytes, *, close: bool) -> None:
    reply = HttpReply(status="400 Bad Request", content_type="text/plain; charset=utf-8", body="ä".encode())
    head, _, body = render_reply(reply, close=close).partition(b"\r\n\r\n")
    status, date, *fields = head.split(b"\r\n")
    assert (status, body) == (b"HTTP/1.1 400 Bad Request", b"\xc3\xa4")
    assert re.fullmatch(rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)
    assert fields == [b"Connection: " + told, b"Content-Type: text/plain; charset=utf-8", b"Content-Length: 2"]
