"""Timestamp tokens: what a token must say, and nothing more."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.formats.der import read_elements
from assay.formats.timestamp_token import TimestampToken, parse_timestamp_token
from tests.fakes.certificate import NOW
from tests.fakes.der import tlv
from tests.fakes.timestamping import FakeTimestampAuthority

TSA = FakeTimestampAuthority()
GOOD = TSA.stamp(b"signature", embedded=TSA.chain)
SHA1 = bytes.fromhex("2b0e03021a")
SIGNING_CERTIFICATE = bytes.fromhex("2a864886f70d010910020c")


class Tree:
    """A token that can be changed anywhere before it is written again."""

    def __init__(self, octets: bytes) -> None:
        (self.element,) = read_elements(octets)
        self.tag = self.element.tag
        nested = self.tag & 0x20
        self.children = [Tree(child.raw) for child in self.element.members()] if nested else []
        self.content = b"" if nested else self.element.content

    def render(self) -> bytes:
        return tlv(self.tag, self.content, *(child.render() for child in self.children))

    def __getitem__(self, number: int) -> "Tree":
        return self.children[number]

    def at(self, *path: int) -> "Tree":
        return self.children[path[0]].at(*path[1:]) if path else self


def leaf(tag: int, content: bytes = b"") -> Tree:
    return Tree(tlv(tag, content))


# Where the parts of a response lie.
STATUS, TOKEN = (0,), (1,)
SIGNED = (1, 1, 0)
ENCAPSULATED, CERTIFICATES, SIGNERS = (*SIGNED, 2), (*SIGNED, 3), (*SIGNED, 4)
SIGNER = (*SIGNERS, 0)
ATTRIBUTES = (*SIGNER, 3)


def parse(edit: Callable[[Tree], object]) -> TimestampToken:
    tree = Tree(GOOD)
    edit(tree)
    return parse_timestamp_token(tree.render())


def content(edit: Callable[[Tree], object]) -> Callable[[Tree], object]:
    """Change the timestamp itself, which lies inside of a string."""

    def change(tree: Tree) -> None:
        text = tree.at(*ENCAPSULATED, 1, 0)
        inner = Tree(text.content)
        edit(inner)
        text.content = inner.render()

    return change


def put(path: tuple[int, ...], octets: bytes) -> Callable[[Tree], object]:
    return lambda tree: setattr(tree.at(*path), "content", octets)


def add(path: tuple[int, ...], *items: Tree) -> Callable[[Tree], object]:
    return lambda tree: tree.at(*path).children.extend(items)


def drop(path: tuple[int, ...], number: int = -1) -> Callable[[Tree], object]:
    return lambda tree: tree.at(*path).children.pop(number)


def test_a_token_says_what_was_stamped_when_and_by_whom() -> None:
    token = parse(lambda _: None)
    assert (token.time, token.imprint_hash, token.digest_hash) == (NOW, "sha256", "sha256")
    assert len(token.certificates) == 2
    assert token.issuer == TSA.leaf.issuer.public_bytes()
    assert token.signed_octets[0] == 0x31
    assert parse_timestamp_token(TSA.stamp(b"signature")).certificates == ()


DEFECTS: dict[str, Callable[[Tree], object]] = {
    "not granted": put((*STATUS, 0), b"\x02"),
    "granted with changes": put((*STATUS, 0), b"\x01"),
    "without status": drop(STATUS),
    "another kind of content": put((*TOKEN, 0), bytes.fromhex("2a864886f70d010701")),
    "another version of signed data": put((*SIGNED, 0), b"\x01"),
    "another kind of signed content": put((*ENCAPSULATED, 0), bytes.fromhex("2a864886f70d010701")),
    "two signers": lambda tree: tree.at(*SIGNERS).children.append(tree.at(*SIGNER)),
    "no signer": drop(SIGNERS),
    "another version of the signer": put((*SIGNER, 0), b"\x03"),
    "unsigned attributes": add(SIGNER, leaf(0xA1)),
    "a revocation list": lambda tree: tree.at(*SIGNED).children.insert(4, leaf(0xA1)),
    "a hash that is not announced": drop((*SIGNED, 1)),
    "a weak hash": put((*SIGNER, 2, 0), SHA1),
    "a hash with parameters": add((*SIGNER, 2), leaf(0x02, b"\x01")),
    "no content type": drop(ATTRIBUTES, 0),
    "another content type": put((*ATTRIBUTES, 0, 1, 0), bytes.fromhex("2a864886f70d010701")),
    "no digest": drop(ATTRIBUTES, 1),
    "no certificate id": drop(ATTRIBUTES, 2),
    "an attribute twice": lambda tree: tree.at(*ATTRIBUTES).children.append(tree.at(*ATTRIBUTES, 0)),
    "an attribute with two values": add((*ATTRIBUTES, 0, 1), leaf(0x05)),
    "an attribute without value": drop((*ATTRIBUTES, 0, 1)),
    "another version of the timestamp": content(put((0,), b"\x02")),
    "a weak imprint": content(put((2, 0, 0), SHA1)),
    "extensions": content(add((), leaf(0xA1))),
    "an unknown member": content(add((), leaf(0x04))),
    "members out of order": content(add((), leaf(0x02, b"\x01"), leaf(0x01, b"\xff"))),
    "a member twice": content(add((), leaf(0x02, b"\x01"), leaf(0x02, b"\x01"))),
    "a time without zone": content(put((4,), b"20260301120000")),
    "a time that does not exist": content(put((4,), b"20260231120000Z")),
    "a time that ends in a point": content(put((4,), b"20260301120000.Z")),
    "no imprint": content(drop((), 2)),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_token_with_a_defect_is_malformed(defect: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(DEFECTS[defect])
    assert caught.value.code == "timestamp_malformed"
    assert parse(lambda _: None)


def test_what_is_optional_may_be_there() -> None:
    everything = (leaf(0x30), leaf(0x01, b"\xff"), leaf(0x02, b"\x07"), leaf(0xA0))
    assert parse(content(add((), *everything))).time == NOW
    fraction = parse(content(put((4,), b"20260301120000.1234567Z"))).time
    assert fraction == datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    assert parse(add((*SIGNER, 2), leaf(0x05))).digest_hash == "sha256"


def test_a_certificate_is_named_by_either_attribute() -> None:
    (token,) = parse(lambda _: None).certificate_ids
    assert token[0] == "sha256"
    (old,) = parse(put((*ATTRIBUTES, 2, 0), SIGNING_CERTIFICATE)).certificate_ids
    assert old == ("sha1", token[1])
    algorithm = Tree(tlv(0x30, tlv(0x06, bytes.fromhex("608648016503040203"))))
    named = parse(lambda tree: tree.at(*ATTRIBUTES, 2, 1, 0, 0, 0).children.insert(0, algorithm)).certificate_ids
    assert named == (("sha512", token[1]),)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_any_byte_changed_is_read_or_refused(place: int, value: int) -> None:
    altered = bytearray(GOOD)
    altered[place] = value
    with suppress(InvalidInput):
        assert parse_timestamp_token(bytes(altered)).time.tzinfo is UTC
