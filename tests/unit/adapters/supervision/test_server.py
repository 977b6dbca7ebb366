"""The command line of a web server, and its hooks."""

import itertools
import os
import ssl
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from assay.adapters.supervision.server import ServerOptions, server_command
from assay.adapters.supervision.tls import TlsPaths
from tests.fixtures.kubernetes import IDLE_MARGIN_SECONDS, IDLE_SECONDS

PLAIN = ServerOptions(workers=3, threads=5, read_seconds=4, lame_duck_seconds=7, graceful_seconds=25, most_octets=100)
HOOKS = """
import gc
import os
from types import SimpleNamespace
from assay.adapters.supervision import gunicorn_hooks
gunicorn_hooks.when_ready(None)
print(gc.get_freeze_count() > 0)
gunicorn_hooks.post_fork(None, SimpleNamespace(pid=os.getpid()))
application = SimpleNamespace(extensions={gunicorn_hooks.BEGIN: lambda: print("begun")})
gunicorn_hooks.post_worker_init(SimpleNamespace(pid=os.getpid(), wsgi=application))
open(os.path.join(os.environ["PROMETHEUS_MULTIPROC_DIR"], "gauge_liveall_7.db"), "wb").close()
gunicorn_hooks.child_exit(None, SimpleNamespace(pid=7))
print(sorted(os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"])))
"""


def test_a_server_serves_the_inherited_socket_with_its_workers() -> None:
    command = server_command("assay.wsgi:application", 7, PLAIN)
    assert command[:3] == [sys.executable, "-m", "gunicorn"]
    assert command[-1] == "assay.wsgi:application"
    options = dict(itertools.pairwise(command))
    assert (options["--bind"], options["--workers"], options["--threads"]) == ("fd://7", "3", "5")
    assert options["--graceful-timeout"] == "32"
    assert {"ASSAY_READ_SECONDS=4", "ASSAY_LAME_DUCK_SECONDS=7", "ASSAY_MOST_OCTETS=100"} < set(command)
    assert "--certfile" not in options


def test_the_api_server_closes_an_idle_connection_long_before_the_server_does() -> None:
    options = dict(itertools.pairwise(server_command("a:b", 7, PLAIN)))
    assert int(options["--keep-alive"]) >= IDLE_SECONDS + IDLE_MARGIN_SECONDS


def test_client_certificates_are_required_when_a_ca_is_named() -> None:
    files = TlsPaths(certificate=Path("c"), key=Path("k"), client_ca=Path("ca"))
    command = server_command("a:b", 7, replace(PLAIN, tls=files))
    options = dict(itertools.pairwise(command))
    assert (options["--certfile"], options["--keyfile"]) == ("c", "k")
    assert (options["--ca-certs"], options["--cert-reqs"]) == ("ca", "2")
    assert "ASSAY_LOWEST_TLS=TLSv1_2" in command


def test_the_oldest_version_of_tls_is_told() -> None:
    files = TlsPaths(certificate=Path("c"), key=Path("k"), lowest=ssl.TLSVersion.TLSv1_3)
    assert "ASSAY_LOWEST_TLS=TLSv1_3" in server_command("a:b", 7, replace(PLAIN, tls=files))


def test_workers_share_what_was_loaded_and_one_that_ended_leaves_no_gauge_behind(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", HOOKS],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout == "True\nbegun\n[]\n"
