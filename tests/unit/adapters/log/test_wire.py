import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.log.wire import (
    LARGEST_FRAME,
    Answer,
    PingAnswer,
    PingRequest,
    RecordAnswer,
    RecordRequest,
    Refusal,
    Request,
    parse_answer,
    parse_request,
    receive_frame,
    render_answer,
    render_frame,
    render_request,
)
from assay.domain.errors import InvalidInput

RECORD = RecordRequest(budget=5, proven=True, leaf=b"l", document=b"d", report=b"r", salt=b"s", preimage=b"p")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    left.settimeout(5)
    right.settimeout(5)
    with left, right:
        yield left, right


@given(
    st.builds(
        RecordRequest,
        **dict.fromkeys(["leaf", "document", "report", "salt", "preimage"], st.binary()),
        budget=st.integers(-(2**40), 2**40),
        proven=st.booleans(),
    )
    | st.builds(PingRequest, budget=st.integers(0, 2**40))
)
def test_requests_survive_the_wire(request_: Request) -> None:
    assert parse_request(render_request(request_)) == request_


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.builds(RecordAnswer, id=_TEXT, index=st.integers(0, 2**40), leaf=st.binary(), proof=_TEXT)
    | st.builds(PingAnswer, size=st.integers(0, 2**40))
    | st.builds(Refusal, code=_TEXT, message=_TEXT, remedy=_TEXT, retryable=st.booleans())
)
def test_answers_survive_the_wire(answer: Answer) -> None:
    assert parse_answer(render_answer(answer)) == answer


REQUEST, REFUSAL = render_request(RECORD), render_answer(Refusal(code="c", message="m", remedy="r", retryable=True))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"e" + REQUEST[1:],
        REQUEST[:9] + b"\2" + REQUEST[10:],
        REQUEST + b"more",
        REQUEST[:-1],
        REQUEST[:20],
        render_request(PingRequest(budget=5)) + b"more",
        REFUSAL,
    ],
)
def test_what_is_no_request_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_request(octets)
    assert caught.value.code == "frame_malformed"
    assert parse_request(REQUEST) == RECORD


@pytest.mark.parametrize(
    "octets", [b"", REQUEST, REFUSAL[:1] + b"\2" + REFUSAL[2:], REFUSAL[:-1] + b"\xff", REFUSAL + b"more", b"P"]
)
def test_what_is_no_answer_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_answer(octets)
    assert caught.value.code == "frame_malformed"
    parse_answer(REFUSAL)


def _five_seconds() -> float:
    return 5


def test_a_frame_arrives_as_it_was_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    for octets in (b"first", b"", bytes(100_000)):
        pair[0].sendall(render_frame(octets))
        assert receive_frame(pair[1], _five_seconds) == octets


def test_the_end_between_frames_is_an_end_and_inside_one_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(b"\0\0\0\5he")
    pair[0].shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionResetError):
        receive_frame(pair[1], _five_seconds)
    assert receive_frame(pair[1], _five_seconds) is None


def test_a_peer_that_stalls_inside_a_frame_is_given_up(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(b"\0\0")
    with pytest.raises(TimeoutError):
        receive_frame(pair[1], lambda: 0.01)


def test_more_than_one_frame_is_not_what_was_asked_for(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(render_frame(b"one") + b"m")
    with pytest.raises(ConnectionResetError):
        receive_frame(pair[1], _five_seconds)


def test_a_frame_that_is_too_large_is_neither_sent_nor_read(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(InvalidInput) as sent:
        render_frame(bytes(LARGEST_FRAME + 1))
    pair[0].sendall((LARGEST_FRAME + 1).to_bytes(4))
    with pytest.raises(InvalidInput) as received:
        receive_frame(pair[1], _five_seconds)
    assert sent.value.code == received.value.code == "frame_too_large"
