"""A document that a test measures is written from its results, and not without any."""

import json
from pathlib import Path

import pytest

from scripts.measured import write_measured

RECORDING = """
import os
from pathlib import Path

def test_something():
    Path(os.environ["MEASURED"]).write_text('{"a": "pass"}')
    assert False
"""


def test_the_document_is_written_although_the_test_fails(tmp_path: Path) -> None:
    test, document = tmp_path / "test_recording.py", tmp_path / "document.md"
    test.write_text(RECORDING)
    write_measured(str(test), "MEASURED", document, json.dumps)
    assert document.read_text() == '{"a": "pass"}'


def test_without_results_nothing_is_written(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    with pytest.raises(SystemExit, match="could not be run"):
        write_measured(str(tmp_path / "test_missing.py"), "MEASURED", document, json.dumps)
    assert not document.exists()
