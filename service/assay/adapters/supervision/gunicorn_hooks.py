"""Server hooks for gunicorn (`--config python:assay.adapters.supervision.gunicorn_hooks`)."""

import gc
from collections.abc import Callable, Mapping
from typing import Protocol

from assay.adapters.supervision.child import die_with_parent

BEGIN = "assay.begin"
"""The extension of a Flask application that holds what to call once in every worker."""
REFUSED = "assay.refused"
"""The extension that holds what to call with the `Refusal` of each request that the server answered by itself."""


class _Application(Protocol):
    extensions: Mapping[str, Callable[..., None]]


class _Worker(Protocol):
    pid: int
    wsgi: _Application


def when_ready(server: object) -> None:
    """Keep the collector of the workers away from what they share with their server.

    It writes into every object that it looks at, and so gives each worker pages of its own: some 28 MiB, when it first
    looks at all of them, some hundreds of requests after the start.
    """
    del server
    gc.collect()
    gc.freeze()


def post_fork(server: object, worker: _Worker) -> None:
    """A worker dies with its server, also by kill -9."""
    del server, worker
    die_with_parent()


def post_worker_init(worker: _Worker) -> None:
    """Begin what runs beside the requests: threads do not survive the fork that made the worker."""
    worker.wsgi.extensions[BEGIN]()


def child_exit(server: object, worker: _Worker) -> None:
    """Tell the metrics that a worker has ended."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415  # needs the server's environment

    del server
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library leaves it untyped
