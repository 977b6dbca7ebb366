"""A webhook that hears the API server alone: `webhook.tls.client_ca`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from demo.admission import review_of_pod
from tests.fixtures.stacks import MakeSpare, Spare


def client_certificate(folder: Path, name: str) -> tuple[str, str]:
    """A certificate that is its own authority, and its key."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(
            issuer_name=subject,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(minutes=5),
            not_valid_after=now + timedelta(hours=1),
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(files[0]), str(files[1])


def ask(spare: Spare, certificate: tuple[str, str] | None) -> bool:
    """Whether the webhook allows the released image, asked as this client."""
    answer = requests.post(
        f"{spare.stack.webhook_url}/mutate?timeout=10s",
        json=review_of_pod(spare.released.tagged),
        timeout=15,
        verify=str(spare.stack.ca),
        cert=certificate,
    )
    return bool(answer.json()["response"]["allowed"])


def test_only_clients_of_the_configured_authority_are_heard(make_spare: MakeSpare, tmp_path: Path) -> None:
    api_server, stranger = client_certificate(tmp_path, "api-server"), client_certificate(tmp_path, "stranger")
    spare = make_spare(client_ca=api_server[0])
    spare.stack.start()
    assert ask(spare, api_server)
    for certificate in (None, stranger):
        with pytest.raises(requests.ConnectionError):
            ask(spare, certificate)
