"""Bytes on their way from one registry to another: all of them, in order, and the last one only when they are right."""

from collections.abc import Generator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.registry.blob_source import HeldBlob, OpenedBlob, StreamedBlob
from assay.domain.descriptor import Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput

CONTENT = bytes(range(256)) * 4
MIB = 2**20


class Elsewhere:
    """Where a blob comes from: it is sent in pieces of one size, from each position that is asked for."""

    def __init__(self, content: bytes, *, piece: int = 100, ranges: bool = True) -> None:
        self.content = content
        self.piece = piece
        self.opened: list[int] = []
        self.ranges = ranges

    def open_at(self, start: int) -> OpenedBlob:
        self.opened.append(start)
        start = start if self.ranges else 0
        return OpenedBlob(start=start, pieces=self._send(start))

    def _send(self, start: int) -> Generator[bytes, None, None]:
        for at in range(start, len(self.content), self.piece):
            yield self.content[at : at + self.piece]


def streamed(elsewhere: Elsewhere, described: bytes = CONTENT, *, size: int | None = None) -> StreamedBlob:
    size = len(described) if size is None else size
    descriptor = Descriptor(media_type="a/b", digest=Digest.of(described), size=size)
    return StreamedBlob(descriptor, elsewhere.open_at, what="a blob")


@given(
    st.integers(min_value=1, max_value=2000),
    st.lists(st.tuples(st.integers(0, len(CONTENT)), st.integers(0, len(CONTENT))), max_size=8),
)
def test_every_stretch_holds_the_bytes_of_its_place(piece: int, stretches: Sequence[tuple[int, int]]) -> None:
    blob = streamed(Elsewhere(CONTENT, piece=piece))
    held = HeldBlob(content=CONTENT, digest=Digest.of(CONTENT))
    for start, end in stretches:
        expected = CONTENT[start:end]
        assert b"".join(blob.read(start, end)) == expected
        assert b"".join(held.read(start, end)) == expected
    assert (blob.size, blob.digest) == (held.size, held.digest)


def test_reading_on_opens_nothing_again_and_going_back_does() -> None:
    elsewhere = Elsewhere(CONTENT)
    blob = streamed(elsewhere)
    assert elsewhere.opened == []
    assert b"".join([*blob.read(0, 300), *blob.read(300, len(CONTENT))]) == CONTENT
    assert elsewhere.opened == [0]
    assert b"".join(blob.read(5, 300)) == CONTENT[5:300]
    blob.close()
    assert elsewhere.opened == [0, 0]
    assert b"".join(blob.read(0, 5)) == CONTENT[:5]


@pytest.mark.parametrize("ranges", [True, False])
def test_going_back_in_a_large_blob_asks_for_its_rest(*, ranges: bool) -> None:
    content = bytes(9 * MIB)
    elsewhere = Elsewhere(content, piece=MIB, ranges=ranges)
    blob = streamed(elsewhere, content)
    assert sum(len(piece) for piece in blob.read(0, len(content))) == len(content)
    assert b"".join(blob.read(6 * MIB, len(content))) == content[6 * MIB :]
    assert elsewhere.opened == [0, 4 * MIB]


@pytest.mark.parametrize(
    ("sent", "size"),
    [
        (CONTENT[:-1] + b"x", None),
        (b"x" + CONTENT[1:], None),
        (CONTENT[:-1], None),
        (CONTENT + b"x", None),
        (CONTENT + b"x" * 1000, None),
        (CONTENT, len(CONTENT) - 1),
        (CONTENT, len(CONTENT) + 1),
        (b"", None),
    ],
)
@pytest.mark.parametrize("piece", [1, 100, 5000])
def test_the_last_byte_of_a_wrong_blob_is_kept_back(sent: bytes, size: int | None, piece: int) -> None:
    blob = streamed(Elsewhere(sent, piece=piece), size=size)
    handed_out: list[bytes | memoryview] = []
    with pytest.raises(InvalidInput) as caught:
        handed_out.extend(blob.read(0, blob.size))
    assert caught.value.code == "digest_mismatch"
    assert sum(map(len, handed_out)) < blob.size
    assert b"".join(streamed(Elsewhere(CONTENT, piece=piece)).read(0, len(CONTENT))) == CONTENT


def test_an_empty_blob_has_the_digest_of_nothing() -> None:
    assert list(streamed(Elsewhere(b""), b"").read(0, 0)) == []
    with pytest.raises(InvalidInput) as caught:
        streamed(Elsewhere(b""), CONTENT, size=0)
    assert caught.value.code == "digest_mismatch"
