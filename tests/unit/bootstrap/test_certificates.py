"""How long the certificates of the web servers live, as metrics and readiness tell it."""

from datetime import timedelta
from pathlib import Path

import pytest

from assay.bootstrap.certificates import certificate_seconds, certificate_warnings
from assay.bootstrap.installation import Installation
from assay_webhooks.certificate import issue_serving_certificate
from tests.fakes.certificate import NOW
from tests.unit.bootstrap.conftest import CONFIGURATION, PROVIDER, WEBHOOK, Write

LIFE = timedelta(days=80)


@pytest.fixture
def installation(write: Write, tmp_path: Path) -> Installation:
    files = issue_serving_certificate(["localhost"], NOW, LIFE)
    (tmp_path / "tls.crt").write_bytes(files.certificate_pem)
    return Installation.load(write(CONFIGURATION + WEBHOOK))


def test_the_end_of_a_certificate_is_told_in_seconds(installation: Installation) -> None:
    assert certificate_seconds(installation, NOW) == {"webhook": LIFE.total_seconds()}
    assert certificate_seconds(installation, NOW + LIFE + timedelta(seconds=1)) == {"webhook": -1}


def test_a_server_warns_once_three_quarters_of_a_life_are_over(installation: Installation) -> None:
    assert certificate_warnings(installation, NOW + timedelta(days=59)) == []
    (warning,) = certificate_warnings(installation, NOW + timedelta(days=60))
    assert warning.startswith("certificate: that of the webhook ends at ")


def test_a_certificate_that_cannot_be_read_warns(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "tls.crt").write_text("nothing")
    assert certificate_seconds(installation, NOW) == {"webhook": 0}
    assert certificate_warnings(installation, NOW) == ["certificate: the file of the webhook cannot be read"]


def test_a_server_without_tls_has_no_certificate(write: Write) -> None:
    installation = Installation.load(write(CONFIGURATION))
    assert certificate_seconds(installation, NOW) == {}
    assert certificate_warnings(installation, NOW) == []


def test_the_service_has_a_certificate_of_its_own(write: Write) -> None:
    tls = CONFIGURATION.replace("  local:", "  tls: {certificate: own.crt, key: own.key}\n  local:")
    assert certificate_seconds(Installation.load(write(tls)), NOW) == {"service": 0}


def test_the_provider_has_a_certificate_of_its_own(write: Write) -> None:
    assert certificate_seconds(Installation.load(write(CONFIGURATION + PROVIDER)), NOW) == {"provider": 0}


def test_the_server_for_notifications_has_one_of_its_own(write: Write) -> None:
    source = "{name: main, kind: harbor, registry: registry.example, secrets: [token]}"
    section = (
        f"notifications: {{listen: 127.0.0.1:0, tls: {{certificate: own.crt, key: own.key}}, sources: [{source}]}}\n"
    )
    assert certificate_seconds(Installation.load(write(CONFIGURATION + section)), NOW) == {"notifications": 0}
