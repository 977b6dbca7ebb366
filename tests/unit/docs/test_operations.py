"""docs/operations.md names every field of the configuration, every metric and every part of readiness."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from assay.domain.limit import Limits

_ROOT = Path(__file__).parents[3]
_PAGE = (_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
_MODULES = (
    "reader.py",
    "server.py",
    "registry.py",
    "cluster.py",
    "webhook.py",
    "provider.py",
    "notification.py",
    "immutable_tag.py",
)
_READS = {
    "text",
    "name",
    "names",
    "texts",
    "integer",
    "section",
    "optional_section",
    "sections",
    "named_sections",
    "flag",
}


def configuration_fields() -> set[str]:
    """The words that the reader of the configuration reads."""
    folder = _ROOT / "service" / "assay" / "configuration"
    return {
        node.args[0].value
        for name in _MODULES
        for node in ast.walk(ast.parse((folder / name).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READS
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }


@pytest.mark.parametrize("name", sorted(configuration_fields() | {"sha256", "token_sha256"}))
def test_every_field_of_the_configuration_is_explained(name: str) -> None:
    table = _PAGE.partition("## Configuration")[2].partition("\n## ")[0]
    assert re.search(rf"`(?:\w+\.)*{name}[`.]", table)


METRICS = [
    "assay_admission_duration_seconds",
    "assay_admission_requests_total",
    "assay_cache_age_seconds",
    "assay_cache_events_total",
    "assay_coalesced_total",
    "assay_certificate_expiry_seconds",
    "assay_cluster_confirmed_timestamp_seconds",
    "assay_cluster_unreadable_total",
    "assay_cluster_watches_total",
    "assay_decisions_total",
    "assay_failures_total",
    "assay_provider_keys_total",
    "assay_notifications_total",
    "assay_prewarms_total",
    "assay_registry_events_total",
    "assay_server_refusals_total",
    "assay_step_seconds",
    "assay_trust_refreshes_total",
    "assay_trust_reloads_total",
    "assay_trust_root_age_seconds",
]


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_explained(name: str) -> None:
    source = (_ROOT / "service" / "assay" / "adapters" / "metrics" / "prometheus.py").read_text(encoding="utf-8")
    assert f"| `{name}` |" in _PAGE
    assert f'"{name.removesuffix("_total")}"' in source
    assert source.count('"assay_') == len(METRICS)


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    mib = [f"{getattr(limits, name) // 2**20} MiB" for name in ("manifest_octets", "blob_octets", "evidence_octets")]
    assert ", ".join(mib) in _PAGE
    assert f"{limits.layers}; {limits.referrers} ({limits.referrer_pages})" in _PAGE
    assert f"{limits.subjects:,}; {limits.packages:,}" in _PAGE
    assert f"{limits.json_depth} levels; {limits.json_structure:,}" in _PAGE
    assert {"layers", "subjects"} <= {field.name for field in fields(limits)}
