"""What a material says of itself."""

from assay.domain.digest import Digest
from assay.domain.provenance import Material


def test_a_commit_is_a_git_commit_or_else_a_sha1() -> None:
    assert Material(digests=(("gitCommit", "c0"), ("sha1", "aa"))).commit == "c0"
    assert Material(digests=(("sha1", "aa"),)).commit == "aa"
    assert Material().commit == ""


def test_a_digest_is_a_sha256() -> None:
    assert Material(digests=(("sha256", "ab" * 32),)).digest == Digest.from_hex("ab" * 32)
    assert Material(digests=(("sha512", "ab" * 64),)).digest is None
