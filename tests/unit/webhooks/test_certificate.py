"""The webhook's own certificate authority."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from assay.domain.errors import ConfigError
from assay_webhooks.certificate import CertificateFiles, issue_serving_certificate

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NAMES = ("assay-webhook.assay.svc", "127.0.0.1")
MONTH = timedelta(days=30)


def _handshake(files: CertificateFiles, folder: Path, name: str) -> None:
    """A TLS handshake in memory between a server with these files and a client that trusts their authority."""
    (folder / "tls.crt").write_bytes(files.certificate_pem)
    (folder / "tls.key").write_bytes(files.key_pem)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    client_context = ssl.create_default_context(cadata=files.ca_pem.decode())
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.getpeercert()


def test_a_strict_client_accepts_it_for_each_of_its_names(tmp_path: Path) -> None:
    files = issue_serving_certificate(NAMES, datetime.now(UTC), MONTH)

    for name in NAMES:
        _handshake(files, tmp_path, name)


@pytest.mark.parametrize("name", ["other.assay.svc", "127.0.0.2", "assay-webhook.assay.svc.cluster.local"])
def test_a_client_refuses_it_for_another_name(tmp_path: Path, name: str) -> None:
    files = issue_serving_certificate(NAMES, datetime.now(UTC), MONTH)

    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        _handshake(files, tmp_path, name)


def test_a_client_refuses_it_when_it_has_expired(tmp_path: Path) -> None:
    files = issue_serving_certificate(NAMES, datetime.now(UTC) - 2 * MONTH, MONTH)

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        _handshake(files, tmp_path, NAMES[0])


def test_a_client_refuses_it_under_another_authority(tmp_path: Path) -> None:
    mine, other = (issue_serving_certificate(NAMES, datetime.now(UTC), MONTH) for _ in range(2))
    mixed = CertificateFiles(ca_pem=other.ca_pem, certificate_pem=mine.certificate_pem, key_pem=mine.key_pem)

    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(mixed, tmp_path, NAMES[0])


def test_it_is_what_the_profile_says() -> None:
    files = issue_serving_certificate(NAMES, NOW, timedelta(days=90))
    authority, certificate = map(x509.load_pem_x509_certificate, (files.ca_pem, files.certificate_pem))
    constraints = [item.extensions.get_extension_for_class(x509.BasicConstraints) for item in (authority, certificate)]
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value

    assert [(item.critical, item.value.ca) for item in constraints] == [(True, True), (True, False)]
    assert constraints[0].value.path_length == 0
    assert (usage.digital_signature, usage.key_cert_sign) == (True, False)
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=90)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


def test_the_key_is_not_shown() -> None:
    files = issue_serving_certificate(NAMES, NOW, MONTH)
    assert "PRIVATE KEY" in files.key_pem.decode()
    assert "PRIVATE KEY" not in repr(files)


@pytest.mark.parametrize(
    ("names", "lifetime", "code"),
    [
        ((), MONTH, "certificate_names_missing"),
        (("",), MONTH, "certificate_name_invalid"),
        (("*.assay.svc",), MONTH, "certificate_name_invalid"),
        (("Assay.svc",), MONTH, "certificate_name_invalid"),
        (("assay.svc\n",), MONTH, "certificate_name_invalid"),
        ((f"{'a' * 64}.svc",), MONTH, "certificate_name_invalid"),
        ((".".join(["a"] * 130),), MONTH, "certificate_name_invalid"),
        (NAMES, timedelta(0), "certificate_lifetime_invalid"),
        (NAMES, timedelta(days=90, seconds=1), "certificate_lifetime_invalid"),
    ],
)
def test_what_cannot_be_issued_is_refused(names: tuple[str, ...], lifetime: timedelta, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        issue_serving_certificate(names, NOW, lifetime)
    assert caught.value.code == code
