"""Published roots: what was written is read back, and nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.formats.published_root import (
    ROLES,
    PublishedRoot,
    Refreshed,
    parse_published_root,
    render_published_root,
)

PUBLISHED = PublishedRoot(
    repository="https://tuf.example",
    target="trusted_root.json",
    bootstrap=Digest.of(b"root"),
    fetched_at=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    versions=tuple((role, number) for number, role in enumerate(ROLES)),
    octets=b"{}",
)


def changed(**members: Any) -> bytes:
    document = json.loads(render_published_root(PUBLISHED))
    document.update(members)
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


def test_what_was_written_is_read_back() -> None:
    assert parse_published_root(render_published_root(PUBLISHED)) == PUBLISHED
    assert parse_published_root(changed()) == PUBLISHED


@pytest.mark.parametrize(
    "members",
    [
        {"format": 2},
        {"digest": Digest.of(b"other").text},
        {"digest": "sha256:x"},
        {"trusted_root": "e30"},
        {"fetched_at": "2026-11-21"},
        {"versions": {"root": 1}},
        {"versions": {**dict.fromkeys(ROLES, 1), "mirrors": 1}},
        {"versions": dict.fromkeys(ROLES, -1)},
        {"bootstrap": None},
        {"surprise": 1},
    ],
)
def test_anything_else_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_published_root(changed(**members))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_the_typed_error(octets: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_published_root(octets)


def test_every_role_has_a_version() -> None:
    with pytest.raises(ValueError, match="version"):
        replace(PUBLISHED, versions=PUBLISHED.versions[1:])


def test_a_refresh_has_changed_something_when_the_bytes_are_others() -> None:
    assert Refreshed(before=None, after=PUBLISHED).changed
    assert not Refreshed(before=replace(PUBLISHED, versions=PUBLISHED.versions), after=PUBLISHED).changed
    assert Refreshed(before=replace(PUBLISHED, octets=b"[]"), after=PUBLISHED).changed
