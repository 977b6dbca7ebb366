import pytest

from assay.domain.errors import InvalidInput
from assay.formats.pem import decode_pem, encode_pem

BLOCK = encode_pem("PUBLIC KEY", bytes(range(100)))


def test_a_block_is_read_back() -> None:
    assert decode_pem(BLOCK, what="the key") == ("PUBLIC KEY", bytes(range(100)))
    assert max(len(line) for line in BLOCK.splitlines()) == 64


@pytest.mark.parametrize("octets", [BLOCK.strip(), b"\n" + BLOCK + b"\n\n", BLOCK.replace(b"\n", b"\r\n")])
def test_white_space_around_lines_and_other_line_ends_pass(octets: bytes) -> None:
    assert decode_pem(octets, what="the key")[0] == "PUBLIC KEY"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"x",
        BLOCK + BLOCK,
        b"comment\n" + BLOCK,
        BLOCK + b"trailing",
        BLOCK.replace(b"END PUBLIC", b"END PRIVATE"),
        BLOCK.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
        BLOCK.replace(b"A", b"-", 1),
        BLOCK.replace(b"=", b""),
        BLOCK.replace(b"A", b"\xff", 1),
        encode_pem("PUBLIC KEY", bytes(64 * 1024)),
    ],
)
def test_anything_else_is_malformed(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_pem(octets, what="the key")
    assert caught.value.code == "key_malformed"
    assert caught.value.message.startswith("the key is not ")
