from contextlib import suppress

import pytest

from assay.domain.errors import InvalidInput
from assay.formats.base64text import decode_base64, encode_base64


@pytest.mark.parametrize("octets", [b"", b"a", b"ab", b"abc", b"\xfb\xff"])
def test_standard_base64_is_read(octets: bytes) -> None:
    assert decode_base64(encode_base64(octets), what="it", code="bundle_malformed") == octets


@pytest.mark.parametrize(
    "text", ["-_8=", "+/8", "+/8==", "+/8=\n", " +/8=", "+/9=", "+/8=+/8=", "=", "a", "é", "\ud800", "+/8=x"]
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_base64(text, what="the signature", code="bundle_malformed")
    assert caught.value.code == "bundle_malformed"
    assert caught.value.message == "the signature is not base64"


@pytest.mark.parametrize("length", range(1, 14))
def test_the_unused_bits_of_the_last_letter_are_zero_however_long_the_text_is(length: int) -> None:
    text = encode_base64(b"\xff" * (length - 1) + b"\x00")
    assert decode_base64(text, what="it", code="bundle_malformed") == b"\xff" * (length - 1) + b"\x00"
    if text.endswith("="):
        bare = text.rstrip("=")
        other = f"{bare[:-1]}{chr(ord(bare[-1]) + 1)}{text[len(bare) :]}"
        with pytest.raises(InvalidInput) as caught:
            decode_base64(other, what="it", code="bundle_malformed")
        assert caught.value.code == "bundle_malformed"


@pytest.mark.parametrize(("start", "end", "spellings"), [("A", "==", 4), ("AA", "=", 16), ("AAA", "", 64)])
def test_the_last_letter_has_no_unused_bits_that_are_set(start: str, end: str, spellings: int) -> None:
    read = {}
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        with suppress(InvalidInput):
            read[start + letter + end] = decode_base64(start + letter + end, what="x", code="bundle_malformed")
    assert len(read) == len(set(read.values())) == spellings
    assert all(encode_base64(octets) == text for text, octets in read.items())
