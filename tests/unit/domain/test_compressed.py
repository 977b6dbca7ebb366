import zlib

import pytest

from assay.domain import compressed
from assay.domain.compressed import Compressed, decompress
from assay.domain.digest import Digest

CONTENT = b"content" * 100


def test_a_document_is_its_bytes_under_their_digest() -> None:
    document = Compressed.of(CONTENT)
    assert (document.digest, document.size, document.content()) == (Digest.of(CONTENT), len(CONTENT), CONTENT)
    assert len(document.stream) < len(CONTENT)


def test_documents_of_the_same_bytes_are_equal_however_they_were_compressed() -> None:
    read = Compressed.read(zlib.compress(CONTENT, 9))
    assert read == Compressed.of(CONTENT)
    assert read != Compressed.of(CONTENT + b"x")


def test_what_is_no_whole_stream_is_no_document() -> None:
    assert Compressed.read(Compressed.of(CONTENT).stream) == Compressed.of(CONTENT)
    assert Compressed.read(Compressed.of(CONTENT).stream[:-1]) is None


def test_only_a_whole_stream_is_content(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = zlib.compress(b"content")
    assert decompress(stream) == b"content"
    assert decompress(stream[:-1]) is None
    assert decompress(stream + b"more") is None
    assert decompress(b"no stream") is None
    monkeypatch.setattr(compressed, "_LARGEST", 3)
    assert decompress(stream) is None
