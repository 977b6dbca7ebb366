"""A small installation on disk: the example's policies and rule data, a key, the real OPA."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.formats.public_key import render_public_key
from tests.fakes.signing import FakeAuthority

ROOT = Path(__file__).parents[3]
CONFIGURATION = f"""\
version: 1
state: state
origin: assay.example/assay/test
service:
  listen: 127.0.0.1:0
  local: {{tenant: demo, environments: [prod], roles: [gate, audit]}}
policy: {{bundle: {ROOT / "policies"}, rule_data: rule-data.json}}
opa: {{path: opa}}
authorities:
  release: {{keys: [release.pub]}}
registries: {{only: ["registry.example"], ca: release.pub}}
"""
WEBHOOK = """\
webhook:
  listen: 127.0.0.1:0
  tls: {certificate: tls.crt, key: tls.key}
  tenant: demo
  environment: prod
"""
NOTIFICATIONS = """\
notifications:
  listen: 127.0.0.1:0
  sources: [{name: main, kind: harbor, registry: registry.example, secrets: [token]}]
"""

PROVIDER = """\
provider:
  listen: 127.0.0.1:0
  tls: {certificate: provider.crt, key: provider.key, client_ca: clients-ca.crt}
  client_names: [gatekeeper.test]
  tenant: demo
  environment: prod
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration beside everything that it names, and returns its path."""
    (tmp_path / "release.pub").write_bytes(render_public_key(FakeAuthority().public_key()))
    (tmp_path / "opa").symlink_to(ROOT / ".tools" / "bin" / "opa")
    shutil.copy(ROOT / "examples" / "configuration" / "rule-data.json", tmp_path)

    def write_configuration(text: str) -> Path:
        path = tmp_path / "assay.yaml"
        path.write_text(text)
        return path

    return write_configuration
