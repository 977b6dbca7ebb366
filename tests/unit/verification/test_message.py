import hashlib

import pytest

from assay.domain.digest import Digest
from assay.formats.untrusted_evidence import HashName
from assay.verification.message import Message


def test_a_digest_is_known_or_computed_once() -> None:
    message = Message(octets=b"x")
    for name in HashName:
        assert message.digest(name) == hashlib.new(name.value, b"x").digest()
        assert message.digest(name) is message.digest(name)


def test_a_digest_that_is_known_is_not_computed() -> None:
    message = Message(octets=b"x", known={HashName.SHA256: bytes(32)})
    assert message.digest(HashName.SHA256) == bytes(32)
    assert Message.of_digest(Digest.of(b"x")).digest(HashName.SHA256) == Digest.of(b"x").octets
    assert Message.of_digest(Digest.of(b"x")).digest(HashName.SHA512) is None


def test_what_was_computed_makes_no_difference_between_messages() -> None:
    first, second = Message(octets=b"x"), Message(octets=b"x")
    first.digest(HashName.SHA256)
    assert first == second
    assert hash(first) == hash(second)
    assert "computed" not in repr(first)


def test_nobody_says_what_was_computed() -> None:
    with pytest.raises(TypeError, match="_computed"):
        Message(octets=b"x", _computed={HashName.SHA256: bytes(32)})  # type: ignore[call-arg]  # that is the point


def test_a_head_stands_before_everything_else() -> None:
    message = Message(head=b"head ", octets=b"x")
    assert message.join() == b"head x"
    assert message.digest(HashName.SHA512) == hashlib.sha512(b"head x").digest()
    assert Message.of_digest(Digest.of(b"x")).join() is None
