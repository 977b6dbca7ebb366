import pytest

from assay.domain.digest import Digest
from assay.domain.provenance import Material

DIGEST = Digest.of(b"source")


@pytest.mark.parametrize(
    ("digests", "commit"),
    [((), ""), ((("sha1", "ab"),), "ab"), ((("sha1", "ab"), ("gitCommit", "cd")), "cd"), ((("sha256", "ef"),), "")],
)
def test_the_commit_is_the_one_that_is_called_so(digests: tuple[tuple[str, str], ...], commit: str) -> None:
    assert Material(digests=digests).commit == commit


def test_the_digest_is_the_sha256_one() -> None:
    assert Material(digests=(("sha256", DIGEST.hex), ("sha1", "ab"))).digest == DIGEST
    assert Material(digests=(("sha1", "ab"),)).digest is None
