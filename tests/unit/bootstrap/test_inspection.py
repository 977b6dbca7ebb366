"""Checking a configuration: everything it names is looked at, and nothing is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.bootstrap.composition import SystemComposition
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from tests.unit.bootstrap.conftest import CONFIGURATION, NOTIFICATIONS, PROVIDER, ROOT, WEBHOOK, Write

OPA = ROOT / ".tools" / "bin" / "opa"


def inspect(path: Path) -> dict[str, str]:
    return dict(SystemComposition().inspect_configuration(path))


def test_the_example_works_as_it_stands() -> None:
    state = ROOT / ".state"
    before = state.exists()
    command = [sys.executable, "-m", "assay", "config", "check", "examples/configuration/assay.yaml"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.endswith("the configuration is usable\n")
    assert state.exists() is before


def test_every_part_is_told_and_nothing_is_left_behind(write: Write, tmp_path: Path) -> None:
    (tmp_path / "tls.crt").touch()
    (tmp_path / "tls.key").touch()
    digest = Digest.of(OPA.read_bytes())
    glass = "break_glass: {grants: grants, authorities: [release], unsafe_grants_without_client_ca: true}\n"
    text = CONFIGURATION.replace("path: opa}", f"path: opa, sha256: {digest.hex}}}") + WEBHOOK + glass + NOTIFICATIONS
    (tmp_path / "token").write_text("a secret of sixteen and more")
    (tmp_path / "token").chmod(0o600)
    found = inspect(write(text))
    assert found["trust"] == "1 authorities, 1 keys, 0 identities"
    assert found["rule data"] == "for demo/prod"
    assert found["opa"] == digest.text
    assert found["break-glass"] == "1 of release, at most 1 day, 0:00:00 and 20 uses"
    assert found["service"] == "listens on 127.0.0.1:0"
    assert found["notifications"] == "listens on 127.0.0.1:0"
    assert found["webhook"] == "listens on 127.0.0.1:0 with TLS"
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("[release.pub]", "[gone.pub]", "key_file_unusable"),
        ("path: opa}", "path: gone}", "opa_missing"),
        ("path: opa}", f"path: opa, sha256: '{'0' * 64}'}}", "opa_digest_mismatch"),
        ("rule-data.json", "gone.json", "policy_invalid"),
        ("rule-data.json", "release.pub", "rule_data_invalid"),
        ("  release:", "  other:", "rule_data_invalid"),
        ("policies,", "gone,", "policy_invalid"),
        ("state: state", "state: state\n" + WEBHOOK.rstrip(), "tls_file_missing"),
        ("state: state", "state: state\n" + NOTIFICATIONS.rstrip(), "secret_unusable"),
        ("version: 1", "version: 2", "configuration_invalid"),
    ],
)
def test_what_could_not_be_used_is_named_by_its_code(write: Write, old: str, new: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        inspect(write(CONFIGURATION.replace(old, new)))
    assert caught.value.code == code


def test_a_configuration_is_read_whole_or_not_at_all(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        inspect(tmp_path / "gone.yaml")
    assert caught.value.code == "configuration_unreadable"
    padding = "#" * 1024 * 1024 + "\n"
    with pytest.raises(ConfigError) as caught:
        inspect(write(CONFIGURATION + padding + "surprise: 1\n"))
    assert caught.value.code == "configuration_invalid"


def test_every_file_of_the_provider_is_looked_for(write: Write, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("provider.crt", "provider.key", "clients-ca.crt")]
    for file in files:
        file.touch()
    path = write(CONFIGURATION + PROVIDER)
    assert inspect(path)["provider"] == "listens on 127.0.0.1:0 with TLS"
    for file in files:
        file.unlink()
        with pytest.raises(ConfigError) as caught:
            inspect(path)
        assert caught.value.code == "tls_file_missing"
        file.touch()
