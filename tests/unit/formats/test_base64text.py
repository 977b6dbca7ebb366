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
