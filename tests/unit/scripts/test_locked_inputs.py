"""Locked inputs are fetched with the machine's own trust."""

from pathlib import Path

import pytest

from scripts import locked_inputs
from scripts.locked_inputs import trusted_certificates


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    """A file of certificates."""
    path = tmp_path / "certificates.pem"
    path.touch()
    return str(path)


def test_the_certificates_of_the_system_are_trusted(monkeypatch: pytest.MonkeyPatch, bundle: str) -> None:
    monkeypatch.setattr(locked_inputs, "_SYSTEM_CERTIFICATES", ("/nowhere/certificates", bundle))
    assert trusted_certificates() == {"REQUESTS_CA_BUNDLE": bundle}


def test_certificates_the_user_chose_for_every_program_come_first(monkeypatch: pytest.MonkeyPatch, bundle: str) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    assert trusted_certificates() == {"REQUESTS_CA_BUNDLE": bundle}


def test_certificates_the_user_chose_for_python_stay(monkeypatch: pytest.MonkeyPatch, bundle: str) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/mine")
    assert trusted_certificates() == {}


def test_a_machine_without_certificates_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked_inputs, "_SYSTEM_CERTIFICATES", ())
    assert trusted_certificates() == {}
