"""Counters add up over the processes of one service."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

COUNTING = """
from assay.adapters.metrics.prometheus import PrometheusMetrics
metrics = PrometheusMetrics()
for _ in range({count}):
    metrics.count_decision("gate", "allow")
    metrics.count_failure("log_unavailable")
    metrics.observe_step("decide", 0.02)
    metrics.count_reload("reloaded")
    metrics.count_refresh("own", "failed")
    metrics.count_watch("replicasets", "listed")
    metrics.count_unreadable("replicasets")
    metrics.count_admission("mutate", decision="deny", reason="policy", dry_run=True)
    metrics.observe_admission("mutate", 0.002)
    metrics.count_key("validate", "denied")
    metrics.count_refusal("webhook", "busy")
    metrics.set_confirmed("namespaces", 1000.0 + {count})
"""
READING = """
import sys
from assay.adapters.metrics.prometheus import render_metrics
sys.stdout.write(render_metrics({"own": 7.5}, {"webhook": 86400}).decode())
"""


def run(program: str, folder: Path) -> str:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return finished.stdout


def test_counts_of_two_processes_are_one_sum_whoever_answers(tmp_path: Path) -> None:
    run(COUNTING.format(count=3), tmp_path)
    run(COUNTING.format(count=4), tmp_path)
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(run(READING, tmp_path))
        for sample in family.samples
    }
    assert samples["assay_decisions_total", ("kind", "gate"), ("verdict", "allow")] == 7
    assert samples["assay_failures_total", ("code", "log_unavailable")] == 7
    assert samples["assay_step_seconds_count", ("step", "decide")] == 7
    assert samples["assay_step_seconds_bucket", ("le", "0.025"), ("step", "decide")] == 7
    assert samples["assay_trust_reloads_total", ("outcome", "reloaded")] == 7
    assert samples["assay_trust_refreshes_total", ("outcome", "failed"), ("root", "own")] == 7
    admission = ("decision", "deny"), ("dry_run", "true"), ("hook", "mutate"), ("reason", "policy")
    assert samples["assay_admission_requests_total", *admission] == 7
    assert samples["assay_admission_duration_seconds_count", ("hook", "mutate")] == 7
    assert samples["assay_provider_keys_total", ("outcome", "denied"), ("purpose", "validate")] == 7
    assert samples["assay_server_refusals_total", ("reason", "busy"), ("server", "webhook")] == 7
    assert samples["assay_cluster_watches_total", ("outcome", "listed"), ("resource", "replicasets")] == 7
    assert samples["assay_cluster_unreadable_total", ("resource", "replicasets")] == 7
    assert samples["assay_cluster_confirmed_timestamp_seconds", ("resource", "namespaces")] == 1003
    assert samples["assay_trust_root_age_seconds", ("root", "own")] == 7.5
    assert samples["assay_certificate_expiry_seconds", ("server", "webhook")] == 86400


FORKING = """
import os
from assay.adapters.metrics.prometheus import PrometheusMetrics
metrics = PrometheusMetrics()
metrics.count_decision("gate", "allow")
child = os.fork()
metrics.count_decision("gate", "allow")
if child:
    assert os.waitpid(child, 0)[1] == 0
    metrics.count_decision("gate", "allow")
"""


def test_a_forked_process_counts_in_a_file_of_its_own(tmp_path: Path) -> None:
    run(FORKING, tmp_path)
    assert len(list(tmp_path.glob("counter_*.db"))) == 2
    assert 'assay_decisions_total{kind="gate",verdict="allow"} 4.0' in run(READING, tmp_path)
