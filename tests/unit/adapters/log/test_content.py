import zlib

import pytest

from assay.adapters.log import content as content_module
from assay.adapters.log.content import SMALL_STREAM, Compressor, decompress
from assay.domain.digest import Digest


def test_only_a_whole_stream_is_content(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = zlib.compress(b"content")
    assert decompress(stream) == b"content"
    assert decompress(stream[:-1]) is None
    assert decompress(stream + b"more") is None
    assert decompress(b"no stream") is None
    monkeypatch.setattr(content_module, "LARGEST_DOCUMENT", 3)
    assert decompress(stream) is None


def test_what_comes_again_is_compressed_once() -> None:
    compressor = Compressor()
    first = compressor.compress(b"content")
    assert (first.digest, first.size, decompress(first.octets)) == (Digest.of(b"content"), 7, b"content")
    assert compressor.compress(b"content") is first


def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_module, "_REMEMBERED", 2)
    compressor = Compressor()
    first, second, _ = (compressor.compress(octets) for octets in (b"1", b"2", b"3"))
    assert compressor.compress(b"2") is second
    assert compressor.compress(b"1") is not first
    large = b"".join(Digest.of(bytes([number])).octets for number in range(256)) * (SMALL_STREAM // 4096)
    monkeypatch.setattr(content_module, "SMALL_STREAM", 100)
    assert compressor.compress(large) is not compressor.compress(large)
