"""The TLS context of the newest usable files."""

import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from assay.adapters.supervision.tls import ReloadingContext, TlsPaths
from assay_webhooks.certificate import issue_serving_certificate
from tests.fakes.certificate import NOW
from tests.fakes.loopback_certificate import write_loopback_certificate


@pytest.fixture
def paths(tmp_path: Path) -> TlsPaths:
    certificate, key = write_loopback_certificate(tmp_path)
    return TlsPaths(certificate=certificate, key=key)


def test_unchanged_files_keep_the_context(paths: TlsPaths) -> None:
    live = ReloadingContext(paths)
    before = live.context
    live.refresh()
    assert live.context is before
    assert live.warning == ""
    assert before.minimum_version is ssl.TLSVersion.TLSv1_2
    assert before.verify_mode is ssl.CERT_NONE


def test_a_newer_version_of_tls_can_be_demanded(paths: TlsPaths) -> None:
    live = ReloadingContext(replace(paths, lowest=ssl.TLSVersion.TLSv1_3))
    assert live.context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_changed_files_make_a_new_context(paths: TlsPaths) -> None:
    live = ReloadingContext(paths)
    before = live.context
    write_loopback_certificate(paths.certificate.parent)
    live.refresh()
    assert live.context is not before
    assert live.warning == ""


def test_a_certificate_whose_key_is_not_there_yet_is_taken_up_once_it_is(paths: TlsPaths, tmp_path: Path) -> None:
    live = ReloadingContext(paths)
    before, old_key = live.context, paths.key.read_bytes()
    write_loopback_certificate(tmp_path)
    new_key = paths.key.read_bytes()
    paths.key.write_bytes(old_key)
    live.refresh()
    assert live.context is before
    assert "cannot be used" in live.warning
    paths.key.write_bytes(new_key)
    live.refresh()
    assert live.context is not before
    assert live.warning == ""


def test_a_file_that_is_gone_keeps_the_old_context(paths: TlsPaths) -> None:
    live = ReloadingContext(paths)
    before = live.context
    paths.certificate.unlink()
    live.refresh()
    assert live.context is before
    assert "FileNotFoundError" in live.warning


def test_client_certificates_are_required_and_a_new_ca_is_taken_up(paths: TlsPaths, tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_bytes(issue_serving_certificate(["a.test"], NOW, timedelta(days=1)).ca_pem)
    live = ReloadingContext(TlsPaths(certificate=paths.certificate, key=paths.key, client_ca=ca))
    before = live.context
    assert before.verify_mode is ssl.CERT_REQUIRED
    ca.write_bytes(issue_serving_certificate(["a.test"], NOW, timedelta(days=1)).ca_pem)
    live.refresh()
    assert live.context.verify_mode is ssl.CERT_REQUIRED
    assert live.context.get_ca_certs() != before.get_ca_certs()


def test_an_encrypted_key_is_refused_without_asking_for_its_password(paths: TlsPaths) -> None:
    key = load_pem_private_key(paths.key.read_bytes(), None)
    paths.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(ValueError, match="encrypted"):
        ReloadingContext(paths)
