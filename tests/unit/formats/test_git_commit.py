import hashlib
from datetime import UTC, datetime

import pytest

from assay.domain.errors import InvalidInput
from assay.formats.git_commit import LARGEST_COMMIT, Commit, parse_commit, require_commit_id

PLAIN = b"tree 0\nauthor a <a@b.test> 1700000000 +0100\ncommitter c <c@d.test> 1700000001 -0330\n\nmessage\n"
SIGNED = PLAIN.replace(b"\n\n", b"\ngpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n\n")


def id_of(octets: bytes, name: str = "sha1") -> str:
    return hashlib.new(name, b"commit %d\0%b" % (len(octets), octets), usedforsecurity=False).hexdigest()


def parse(octets: bytes, commit_id: str = "") -> Commit | str:
    try:
        return parse_commit(octets, commit_id or id_of(octets))
    except InvalidInput as error:
        return error.code


@pytest.mark.parametrize("name", ["sha1", "sha256"])
@pytest.mark.parametrize(("octets", "signed"), [(PLAIN, False), (SIGNED, True)])
def test_a_commit_is_what_its_id_commits_to(octets: bytes, name: str, *, signed: bool) -> None:
    commit_id = id_of(octets, name)
    committed = datetime.fromtimestamp(1700000001, tz=UTC)
    assert parse(octets, commit_id) == Commit(id=commit_id, octets=octets, committed=committed, signed=signed)


def test_other_bytes_are_another_commit() -> None:
    assert parse(PLAIN + b"!", id_of(PLAIN)) == "commit_malformed"


@pytest.mark.parametrize(
    "octets", [b"", b"tree 0\n\ncommitter c <c@d.test> 1 +0000\n", PLAIN.replace(b"1700000001", b"x")]
)
def test_a_commit_names_its_committer_in_a_header(octets: bytes) -> None:
    assert parse(octets) == "commit_malformed"


def test_a_signature_in_the_message_is_none() -> None:
    commit = parse(PLAIN + b"gpgsig x\n")
    assert isinstance(commit, Commit)
    assert not commit.signed


def test_a_commit_has_a_largest_size() -> None:
    assert isinstance(parse(PLAIN.ljust(LARGEST_COMMIT, b".")), Commit)
    assert parse(PLAIN.ljust(LARGEST_COMMIT + 1, b".")) == "commit_malformed"


@pytest.mark.parametrize("text", ["", "HEAD", "a" * 39, "A" * 40, "-" * 40, "a" * 41, f"{'a' * 40}\n"])
def test_a_name_is_no_id(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        require_commit_id(text)
    assert caught.value.code == "commit_malformed"
    assert require_commit_id("a" * 40)
