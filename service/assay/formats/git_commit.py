"""Git commits, as objects: what an id commits to."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.domain.errors import InvalidInput

LARGEST_COMMIT = 1024 * 1024
_HASHES = {40: "sha1", 64: "sha256"}
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_COMMITTER = re.compile(rb"^committer [^\n]* (\d{1,11}) [+-]\d{4}$", re.MULTILINE)
_SIGNATURES = (b"gpgsig ", b"gpgsig-sha256 ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit object whose bytes have this id; `committed` is what the committer says, `signed` that it is signed."""

    id: str
    octets: bytes
    committed: datetime
    signed: bool


def require_commit_id(text: str) -> str:
    """The id, if it is one: 40 or 64 lower-case hex characters; `InvalidInput(commit_malformed)` otherwise."""
    if not _ID.fullmatch(text):
        raise _malformed(f"{text[:100]!r} is not the id of a commit")
    return text


def parse_commit(octets: bytes, commit_id: str) -> Commit:
    """Parse the content of a commit object.

    Guaranteed: the id is that of these bytes (SHA-1 or SHA-256, by its length). Nothing that they say is verified.
    Raises `InvalidInput(commit_malformed)`.
    """
    require_commit_id(commit_id)
    if len(octets) > LARGEST_COMMIT:
        raise _malformed(f"the commit has more than {LARGEST_COMMIT} bytes")
    hashed = hashlib.new(_HASHES[len(commit_id)], usedforsecurity=False)
    hashed.update(b"commit %d\0" % len(octets))
    hashed.update(octets)
    if hashed.hexdigest() != commit_id:
        raise _malformed(f"the object does not have the id {commit_id}")
    headers, _, _ = octets.partition(b"\n\n")
    committer = _COMMITTER.search(headers)
    if committer is None:
        raise _malformed(f"the commit {commit_id} names no committer")
    return Commit(
        id=commit_id,
        octets=octets,
        committed=datetime.fromtimestamp(int(committer[1]), tz=UTC),
        signed=any(line.startswith(_SIGNATURES) for line in headers.splitlines()),
    )


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("commit_malformed", why, remedy="name the repository that the image was built from")
