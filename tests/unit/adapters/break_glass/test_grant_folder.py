"""Grants in a folder: all of them, or an error."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assay.adapters.break_glass.grant_book import GrantBook
from assay.adapters.break_glass.grant_folder import GrantFolder
from assay.domain.break_glass import Visit
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable

GRANT = Digest.of(b"grant")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> GrantFolder:
    return GrantFolder(tmp_path / "grants", GrantBook(tmp_path))


def refused(folder: GrantFolder) -> bool:
    with pytest.raises(Unavailable) as caught:
        folder.list_bundles()
    return caught.value.code == "grants_unavailable"


def test_a_grant_takes_effect_when_it_is_put_there(folder: GrantFolder, tmp_path: Path) -> None:
    assert folder.list_bundles() == []
    (tmp_path / "grants").mkdir()
    (tmp_path / "grants" / "b.json").write_bytes(b"2")
    (tmp_path / "grants" / "a.json").symlink_to("b.json")
    (tmp_path / "grants" / "note.txt").write_bytes(b"3")
    assert folder.list_bundles() == [b"2", b"2"]


def test_what_cannot_be_looked_at_is_not_passed_over(folder: GrantFolder, tmp_path: Path) -> None:
    grants = tmp_path / "grants"
    grants.write_bytes(b"")
    assert refused(folder)
    grants.unlink()
    grants.mkdir()
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("absent")):
        place = grants / "grant.json"
        make(place)
        assert refused(folder)
        place.rmdir() if place.is_dir() else place.unlink()
    assert folder.list_bundles() == []


def test_no_folder_costs_more_than_its_limits(folder: GrantFolder, tmp_path: Path) -> None:
    grants = tmp_path / "grants"
    grants.mkdir()
    for number in range(65):
        (grants / f"{number}.json").write_bytes(b"{}")
    assert refused(folder)
    (grants / "0.json").unlink()
    assert len(folder.list_bundles()) == 64
    (grants / "1.json").write_bytes(b" " * (256 * 1024 + 1))
    assert refused(folder)


def test_uses_and_revocations_are_those_of_the_book(folder: GrantFolder) -> None:
    first = Visit(subject=GRANT, final=False)
    assert folder.use(GRANT, decision="a", time=NOW, most=1, visit=first)
    assert folder.is_paid(GRANT, replace(first, final=True), time=NOW)
    assert folder.revoke(GRANT, time=NOW, reason="over")
    assert (folder.standing(GRANT).uses, folder.standing(GRANT).revoked) == (1, "over")
