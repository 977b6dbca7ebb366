"""Lock files pin everything by hash, and agree with each other."""

import re
from pathlib import Path

import pytest

from scripts import lock_requirements
from scripts.lock_requirements import SOURCES, install_uv, main
from tests.fakes.checkout import calls, fake_venv, small_checkout
from tests.fakes.program import write_program

_REQUIREMENTS = Path(__file__).parents[3] / "requirements"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; .*)? \\\n +--hash=sha256:[0-9a-f]{64}", re.MULTILINE)
_START = re.compile(r"^[A-Za-z0-9]", re.MULTILINE)


def _pins(lock: str) -> dict[str, str]:
    return dict(_PIN.findall((_REQUIREMENTS / lock).read_text(encoding="utf-8")))


@pytest.mark.parametrize("lock", [lock for lock, _ in SOURCES])
def test_every_package_is_pinned_with_a_hash(lock: str) -> None:
    text = (_REQUIREMENTS / lock).read_text(encoding="utf-8")
    assert len(_PIN.findall(text)) == len(_START.findall(text)) > 0


@pytest.mark.parametrize("lock", ["runtime.lock", "build.lock"])
def test_what_is_tested_is_what_runs(lock: str) -> None:
    assert _pins(lock).items() <= _pins("development.lock").items()


@pytest.mark.parametrize("lock", [lock for lock, _ in SOURCES])
def test_no_lock_names_an_index(lock: str) -> None:
    assert "://" not in (_REQUIREMENTS / lock).read_text(encoding="utf-8")


def test_uv_itself_is_installed_by_hash(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path)
    fake_venv(checkout)
    assert install_uv(checkout) == tmp_path / ".tools" / "uv" / "bin" / "uv"
    assert "--require-hashes" in calls(checkout)[0]


def test_every_lock_is_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = small_checkout(tmp_path)
    fake_venv(checkout)
    write_program(checkout.tools / "uv" / "bin", "uv", f'echo "$*" >> "{tmp_path}/calls"')
    monkeypatch.setattr(lock_requirements, "__file__", str(tmp_path / "scripts" / "lock_requirements.py"))
    main()
    compiled = [call for call in calls(checkout) if call.startswith("pip compile")]
    assert len(compiled) == len(SOURCES)
    assert all("--generate-hashes" in call for call in compiled)
