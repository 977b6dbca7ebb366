import pytest

from assay.domain.errors import InvalidInput
from assay_builder.locking.go_sum import parse_go_sum
from tests.fakes.build import LIBRARY

ZIP = b"example.net/library v0.1.0 h1:aaa=\n"
FILE = b"example.net/library v0.1.0/go.mod h1:bbb=\n"


def test_zips_and_module_files_are_told_apart() -> None:
    sums = parse_go_sum(ZIP + FILE + b"\n" + ZIP)
    assert sums.zips == ((LIBRARY, "h1:aaa="),)
    assert sums.module_files == ((LIBRARY, "h1:bbb="),)


@pytest.mark.parametrize(
    "content",
    [
        ZIP + b"example.net/library v0.1.0 h1:other=\n",
        b"example.net/library v0.1.0\n",
        b"example.net/library v0.1.0 h2:aaa=\n",
        "exämple.net/library v0.1.0 h1:aaa=\n".encode(),
        b"\n" * 20_001,
    ],
)
def test_what_is_not_understood_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_go_sum(content)
    assert caught.value.code == "go_sum_malformed"
