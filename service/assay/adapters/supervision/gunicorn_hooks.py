"""Server hooks for gunicorn (`--config python:assay.adapters.supervision.gunicorn_hooks`)."""

from typing import Protocol

from assay.adapters.supervision.child import die_with_parent


class _Worker(Protocol):
    pid: int


def post_fork(server: object, worker: _Worker) -> None:
    """A worker dies with its server, also by kill -9."""
    del server, worker
    die_with_parent()


def child_exit(server: object, worker: _Worker) -> None:
    """Tell the metrics that a worker has ended."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415  # needs the server's environment

    del server
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library leaves it untyped
