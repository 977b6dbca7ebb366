"""The command line of a gunicorn server behind a socket that the supervisor holds."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from assay.adapters.supervision.tls import TlsPaths

# Variables of gunicorn's own `env` setting: it refuses settings that it does not know.
READ_SECONDS = "ASSAY_READ_SECONDS"
LAME_DUCK_SECONDS = "ASSAY_LAME_DUCK_SECONDS"
MOST_OCTETS = "ASSAY_MOST_OCTETS"
LOWEST_TLS = "ASSAY_LOWEST_TLS"

_WORKER = "assay.adapters.supervision.worker.BoundedWorker"
_HOOKS = "python:assay.adapters.supervision.gunicorn_hooks"
# The API server keeps idle connections for 90 s and does not repeat a call that met a closing one.
_KEEP_ALIVE_SECONDS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How many workers and threads, how long what may take, and the files of TLS.

    `read_seconds` bound a handshake, and a request from its first byte to its last; after SIGTERM new requests are
    served for `lame_duck_seconds`, then what has begun gets `graceful_seconds`. A body of more than `most_octets` is
    not read. `connections` are those of one worker; their default stays below the 1024 descriptors that a process may
    have where nobody raised that.
    """

    workers: int
    threads: int
    read_seconds: int
    lame_duck_seconds: int
    graceful_seconds: int
    most_octets: int
    connections: int = 900
    tls: TlsPaths | None = None


def server_command(application: str, descriptor: int, options: ServerOptions) -> Sequence[str]:
    """Serve a WSGI application on an inherited listening socket.

    SIGTERM lets requests in flight finish; see `ServerOptions`.
    """
    command = [
        *(sys.executable, "-m", "gunicorn", "--config", _HOOKS, "--preload", "--no-control-socket"),
        *("--bind", f"fd://{descriptor}", "--worker-class", _WORKER, "--http-parser", "python"),
        *("--workers", str(options.workers), "--threads", str(options.threads)),
        *("--worker-connections", str(options.connections), "--keep-alive", str(_KEEP_ALIVE_SECONDS)),
        *("--graceful-timeout", str(options.lame_duck_seconds + options.graceful_seconds)),
        *("--env", f"{READ_SECONDS}={options.read_seconds}"),
        *("--env", f"{LAME_DUCK_SECONDS}={options.lame_duck_seconds}"),
        *("--env", f"{MOST_OCTETS}={options.most_octets}"),
        *("--log-level", "warning"),
    ]
    if options.tls is not None:
        command += ["--certfile", str(options.tls.certificate), "--keyfile", str(options.tls.key)]
        command += ["--env", f"{LOWEST_TLS}={options.tls.lowest.name}"]
        if options.tls.client_ca is not None:
            command += ["--ca-certs", str(options.tls.client_ca), "--cert-reqs", "2"]
    return [*command, application]
