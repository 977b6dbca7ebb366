"""Addresses: what they mean and who can reach them."""

import pytest

from assay.configuration.listener import parse_address


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1:8700", True),
        ("[::1]:8700", True),
        ("unix:/run/assay.sock", True),
        ("0.0.0.0:8700", False),
        ("[::]:0", False),
    ],
)
def test_an_address_reads_back_as_it_was_written_and_knows_who_can_reach_it(text: str, local: bool) -> None:  # noqa: FBT001
    address = parse_address(text, place="listen")
    assert str(address) == text
    assert address.local is local
