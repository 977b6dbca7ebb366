"""The command line of a gunicorn server behind a socket that the supervisor holds."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_HOOKS = "python:assay.adapters.supervision.gunicorn_hooks"
# The API server keeps idle connections for 90 s and does not repeat a call that met a closing one.
_KEEP_ALIVE_SECONDS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How many workers and threads; TLS files, and the CA that client certificates must come from."""

    workers: int
    threads: int
    graceful_seconds: int
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None


def server_command(application: str, descriptor: int, options: ServerOptions) -> Sequence[str]:
    """Serve a WSGI application on an inherited listening socket.

    SIGTERM lets requests in flight finish within `graceful_seconds`.
    """
    command = [
        *(sys.executable, "-m", "gunicorn", "--config", _HOOKS, "--preload", "--no-control-socket"),
        *("--bind", f"fd://{descriptor}", "--worker-class", "gthread"),
        *("--workers", str(options.workers), "--threads", str(options.threads)),
        *("--keep-alive", str(_KEEP_ALIVE_SECONDS), "--graceful-timeout", str(options.graceful_seconds)),
        *("--log-level", "warning"),
    ]
    if options.certificate is not None and options.key is not None:
        command += ["--certfile", str(options.certificate), "--keyfile", str(options.key)]
    if options.client_ca is not None:
        command += ["--ca-certs", str(options.client_ca), "--cert-reqs", "2"]
    return [*command, application]
