"""What docs/audit.md tells an auditor to run works."""

import base64
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.decision import identifier
from tests.fakes.sequencer import open_archive
from tests.fakes.service import Service, logged_service

_PAGE = (Path(__file__).parents[3] / "docs" / "audit.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "state"


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    with logged_service(folder) as logged:
        yield logged


@pytest.mark.parametrize("number", [0, 1])
def test_the_program_verifies_a_leaf_and_refuses_a_changed_one(service: Service, tmp_path: Path, number: int) -> None:
    shown = service.get(f"/v1/decisions/{identifier(number)}").get_json()
    leaf, proof, key = (tmp_path / name for name in ("leaf", "proof", "key"))
    proof.write_text(shown["proof"])
    key.write_text(service.key() + "\n")
    command = [sys.executable, "-c", block("python"), str(leaf), str(proof), str(key)]
    for content, status in ((base64.b64decode(shown["leaf"]), 0), (b"{}", 1)):
        leaf.write_bytes(content)
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        assert finished.returncode == status
    assert "AssertionError: the leaf is not in the log" in finished.stderr


def test_a_deleted_preimage_is_gone_and_damages_nothing(service: Service, folder: Path) -> None:
    assert service.get("/v1/log/verification").get_json()["damages"] == []
    database = sqlite3.connect(folder / "log.db", isolation_level=None)
    for statement in block("sql").replace("01JD4X8Y7ZK2QW3E4R5T6Y7V8N", identifier(0)).split(";"):
        database.execute(statement)
    database.close()
    archive = open_archive(folder)
    stored = archive.get_decision(identifier(0), tenant=None)
    assert stored is not None
    assert stored.preimage is None
    assert archive.walk(0, 100).damages == ()
    assert b"user-0" not in b"".join(path.read_bytes() for path in folder.glob("log.db*"))
