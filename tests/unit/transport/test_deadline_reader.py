"""Reading from a socket until a moment."""

import socket

import pytest

from assay.transport.deadline_reader import DeadlineReader


def test_a_reader_stops_at_its_moment_even_when_bytes_are_waiting() -> None:
    left, right = socket.socketpair()
    with left, right, left.makefile("rb", buffering=0) as raw:
        right.sendall(b"byte")
        assert DeadlineReader(raw, left, seconds=5, idle=5).readinto(bytearray(4)) == 4
        right.sendall(b"byte")
        with pytest.raises(TimeoutError):
            DeadlineReader(raw, left, seconds=0, idle=5).readinto(bytearray(4))


def test_a_reader_waits_no_longer_for_a_byte_than_it_was_told() -> None:
    left, right = socket.socketpair()
    with left, right, left.makefile("rb", buffering=0) as raw, pytest.raises(TimeoutError):
        DeadlineReader(raw, left, seconds=60, idle=0.01).readinto(bytearray(4))


def test_a_reader_stops_after_its_bytes() -> None:
    left, right = socket.socketpair()
    with left, right, left.makefile("rb", buffering=0) as raw:
        reader = DeadlineReader(raw, left, seconds=5, most=4)
        right.sendall(b"byte")
        assert reader.readinto(bytearray(4)) == 4
        right.sendall(b"byte")
        with pytest.raises(OSError, match="too large"):
            reader.readinto(bytearray(4))
