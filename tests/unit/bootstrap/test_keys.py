"""Every key URI leads to its adapter, and an extra that is missing is named."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.adapters.kubernetes import access
from assay.adapters.signing.key_file import generate_key_pair
from assay.bootstrap import keys
from assay.bootstrap.composition import SystemComposition
from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable
from assay.domain.key_uri import parse_key_uri
from assay.formats.base64text import encode_base64
from assay.formats.public_key import parse_public_key
from assay_webhooks.certificate import issue_serving_certificate
from tests.fakes.json_server import serving

PRIVATE, PUBLIC = generate_key_pair(b"pa55")
GCP = "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k"
SECRET = parse_key_uri("k8s://build/release")


@contextmanager
def pod(folder: Path, monkeypatch: pytest.MonkeyPatch, **members: bytes) -> Iterator[dict[str, str]]:
    """The environment of a Pod whose API server holds one secret."""
    data = {f"cosign.{name}": encode_base64(value) for name, value in members.items()}
    issued = issue_serving_certificate(["127.0.0.1"], datetime.now(UTC), timedelta(hours=1))
    (folder / "ca.crt").write_bytes(issued.ca_pem)
    (folder / "token").write_text("pod-token")
    (folder / "server.pem").write_bytes(issued.certificate_pem + issued.key_pem)
    monkeypatch.setattr(access, "_ACCOUNT", folder)
    with serving(lambda _: (200, {"data": data}), folder / "server.pem") as address:
        yield {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": address.rpartition(":")[2]}


def test_a_secret_signs_and_verifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pod(tmp_path, monkeypatch, key=PRIVATE, password=b"pa55") as environment:
        signer = keys.open_signer(SECRET, password=b"unused", environment=environment)
        assert signer.sign(b"m")
        source = keys.open_key_source(SECRET, environment=environment)
        source.refresh()
        source.wait()
        assert signer.public_key() == source.public_key().key


def test_a_key_is_opened_once_and_by_the_first_fetch() -> None:
    book = keys.KeyBook(environment={})
    source = book.source(SECRET)
    assert book.source(SECRET) is source
    source.refresh()
    with pytest.raises(ConfigError) as caught:
        source.wait()
    assert caught.value.code == "cluster_not_configured"
    with pytest.raises(Unavailable) as missing:
        source.public_key()
    assert missing.value.code == "key_unavailable"


def test_a_secret_without_a_private_key_does_not_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pod(tmp_path, monkeypatch, pub=PUBLIC) as environment:
        assert keys.fetch_public_key(SECRET, password=bytes, environment=environment) == parse_public_key(PUBLIC)
        with pytest.raises(InvalidInput) as caught:
            keys.open_signer(SECRET, password=b"", environment=environment)
    assert caught.value.code == "kms_key_unknown"


def test_an_api_server_of_another_authority_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pod(tmp_path, monkeypatch, pub=PUBLIC) as environment:
        other = issue_serving_certificate(["127.0.0.1"], datetime.now(UTC), timedelta(hours=1))
        (tmp_path / "ca.crt").write_bytes(other.ca_pem)
        with pytest.raises(Unavailable) as caught:
            keys.fetch_public_key(SECRET, password=bytes, environment=environment)
    assert caught.value.code == "cluster_unavailable"


@pytest.mark.parametrize(
    ("uri", "module", "extra"),
    [
        ("awskms:///alias/release", "aws", "aws"),
        (GCP, "gcp", "gcp"),
        ("azurekms://vault/release", "azure", "azure"),
        ("pkcs11:token=t;object=o", "pkcs11", "pkcs11"),
    ],
)
def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, uri: str, module: str, extra: str) -> None:
    monkeypatch.delattr(f"assay.adapters.kms.{module}", raising=False)
    monkeypatch.setitem(sys.modules, f"assay.adapters.kms.{module}", None)
    with pytest.raises(ConfigError) as caught:
        keys.open_signer(parse_key_uri(uri), password=b"", environment={})
    assert (caught.value.code, f"assay[{extra}]" in caught.value.remedy) == ("kms_extra_missing", True)


@pytest.mark.parametrize(
    ("uri", "environment", "code"),
    [
        ("awskms:///alias/release", {}, "kms_not_configured"),
        (GCP, {}, "kms_not_configured"),
        ("hashivault://release", {}, "kms_not_configured"),
        ("pkcs11:token=t;object=o", {}, "kms_not_configured"),
        ("k8s://build/release", {}, "cluster_not_configured"),
    ],
)
def test_a_service_that_is_not_configured_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uri: str, environment: dict[str, str], code: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError) as caught:
        keys.open_signer(parse_key_uri(uri), password=b"", environment=environment)
    assert caught.value.code == code


def test_azure_connects_when_it_is_asked() -> None:
    assert keys.open_signer(parse_key_uri("azurekms://vault/release"), password=b"", environment={})


def test_the_command_line_finds_keys_by_path_and_by_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BAO_ADDR", "BAO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "cosign.pub").write_bytes(PUBLIC)
    parts = SystemComposition()
    assert parts.public_key(tmp_path / "cosign.pub", password=bytes) == parse_public_key(PUBLIC)
    with pytest.raises(AssayError) as caught:
        parts.trust_from_signers(keys=[parse_key_uri("openbao://release")], offline=False)
    assert caught.value.code == "kms_not_configured"
