"""A trusted root with the record of what vouched for it: one document, so that both change at once."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.formats.member import Members
from assay.formats.strict_json import parse_json

ROLES = ("root", "timestamp", "snapshot", "targets")
LARGEST = 2 * 1024 * 1024
_FORMAT = 1
_CODE = "json_malformed"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRoot:
    """The bytes of a trusted root, and what vouches for them.

    `repository` and `target` say where they came from, `bootstrap` is the digest of the root metadata that the
    repository was trusted by at first. `fetched_at` is when the repository last confirmed the bytes, in whole
    seconds; `versions` are those of its roles then. `ValueError` when a role has no version.
    """

    repository: str
    target: str
    bootstrap: Digest
    fetched_at: datetime
    versions: tuple[tuple[str, int], ...]
    octets: bytes

    def __post_init__(self) -> None:
        if tuple(role for role, _ in self.versions) != ROLES:
            raise ValueError("every role has a version")

    @property
    def digest(self) -> Digest:
        """SHA-256 of the trusted root."""
        return Digest.of(self.octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What was published before a refresh, if anything, and what is now."""

    before: PublishedRoot | None
    after: PublishedRoot

    @property
    def changed(self) -> bool:
        """Whether the trusted root is another one now."""
        return self.before is None or self.before.digest != self.after.digest


def render_published_root(published: PublishedRoot) -> bytes:
    """The document, for `parse_published_root`."""
    document = {
        "format": _FORMAT,
        "repository": published.repository,
        "target": published.target,
        "bootstrap": published.bootstrap.text,
        "fetched_at": published.fetched_at.astimezone(UTC).strftime(_TIME),
        "versions": dict(published.versions),
        "digest": published.digest.text,
        "trusted_root": base64.b64encode(published.octets).decode("ascii"),
    }
    return json.dumps(document, indent=1).encode("ascii") + b"\n"


def parse_published_root(octets: bytes) -> PublishedRoot:
    """Read back what `render_published_root` wrote; the bytes are compared with the digest beside them.

    Raises `InvalidInput` for anything else.
    """
    place = "the published trusted root"
    members = Members(parse_json(octets, what=place, largest=LARGEST), place=place, code=_CODE)
    known, versions = members.integer("format"), members.section("versions")
    digest = Digest(members.text("digest"))
    published = PublishedRoot(
        repository=members.text("repository", longest=4096),
        target=members.text("target"),
        bootstrap=Digest(members.text("bootstrap")),
        fetched_at=_parse_time(members.text("fetched_at")),
        versions=tuple((role, versions.integer(role)) for role in ROLES),
        octets=members.octets("trusted_root"),
    )
    versions.finish()
    members.finish()
    if known != _FORMAT or published.digest != digest:
        raise _unreadable("it is of another release, or its bytes are not those of its digest")
    return published


def _parse_time(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise _unreadable("fetched_at is not a time") from error


def _unreadable(why: str) -> InvalidInput:
    return InvalidInput(_CODE, f"the published trusted root: {why}", remedy="refresh it: `assay trust refresh`")
