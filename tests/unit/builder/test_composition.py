from pathlib import Path

import pytest

from assay_builder import composition


def test_the_cache_follows_the_desktop_convention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/users/someone")
    assert composition.user_cache({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/assay")
    assert composition.user_cache({"XDG_CACHE_HOME": "relative"}) == Path("/users/someone/.cache/assay")
    assert composition.user_cache({}) == Path("/users/someone/.cache/assay")


def test_the_parts_of_this_machine_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOENV", "off")
    monkeypatch.delenv("GOPROXY", raising=False)
    monkeypatch.delenv("GOSUMDB", raising=False)
    composition.compose_fetcher()
    composition.compose_layout_writer()
    assert composition.compose_checksum_database().startswith("sum.golang.org+")
    assert composition.compose_sandbox(None).check().engine == "bubblewrap"
    assert composition.compose_identity("https://builder.example").id == "https://builder.example"
    composition.compose_store(tmp_path)
    composition.compose_store(None)
