"""What `assay serve` refuses before it starts anything."""

import socket
from pathlib import Path

import pytest

from assay.bootstrap.installation import Installation
from assay.bootstrap.serve import serve
from assay.domain.errors import ConfigError
from tests.unit.bootstrap.conftest import CONFIGURATION, WEBHOOK, Write


def refusal(path: Path) -> str:
    """The code of the refusal; nothing was told to have started."""
    reported: list[str] = []
    with pytest.raises(ConfigError) as caught:
        serve(Installation.load(path), reported.append)
    assert reported == []
    return caught.value.code


def test_a_server_without_its_certificate_is_not_started(write: Write, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        path = write(CONFIGURATION + WEBHOOK.replace("127.0.0.1:0", place))
        assert refusal(path) == "tls_file_missing"
        for name in ("tls.crt", "tls.key"):
            (tmp_path / name).touch()
        assert refusal(path) == "address_unusable"  # as far as one comes with them
