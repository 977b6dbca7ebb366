"""A signer process from its configuration file."""

import grp
import os
import threading
from pathlib import Path

import pytest

from assay.adapters.signing.key_file import generate_key_pair
from assay.bootstrap.signer import serve_signer
from assay.domain.errors import ConfigError
from tests.fakes.clock import FrozenClock

_EXAMPLE = Path(__file__).parents[3] / "examples" / "signer" / "signer.yaml"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example with a key beside it."""
    monkeypatch.setenv("ASSAY_KEY_PASSWORD", "pa55")
    (tmp_path / "cosign.key").write_bytes(generate_key_pair(b"pa55")[0])
    (tmp_path / "cosign.key").chmod(0o600)
    (tmp_path / "signer.yaml").write_text(_EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path / "signer.yaml"


def serve(file: Path) -> list[str]:
    """Start with the stop already set; what was reported."""
    stop, reported = threading.Event(), list[str]()
    stop.set()
    serve_signer(file, FrozenClock(), stop=stop, report=reported.append)
    return reported


def test_the_example_works_as_it_stands(file: Path) -> None:
    (line,) = serve(file)
    assert line.endswith(f"listens on unix:{file.parent / 'signer.sock'}")
    assert "ASSAY_KEY_PASSWORD" not in os.environ


def test_a_group_is_found_by_its_name(file: Path) -> None:
    text = file.read_text()
    file.write_text(text + f"group: {grp.getgrgid(os.getegid()).gr_name}\n")
    assert serve(file)


def test_a_group_that_is_not_there_is_named(file: Path) -> None:
    file.write_text(file.read_text() + "group: nowhere-at-all\n")
    with pytest.raises(ConfigError) as caught:
        serve(file)
    assert (caught.value.code, "nowhere-at-all" in caught.value.message) == ("configuration_invalid", True)
