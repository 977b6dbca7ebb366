"""The process that records decisions."""

import threading
from pathlib import Path

from sqlalchemy import Engine

from assay.adapters.clock import SystemClock
from assay.adapters.log.sequencer import run_sequencer as run_log_sequencer
from assay.bootstrap.installation import Installation


def run_sequencer(configuration: Path, stop: threading.Event) -> None:
    """Record for the installation of this configuration until `stop` is set; raises `ConfigError`."""
    installation = Installation.load(configuration)
    run_log_sequencer(
        state=installation.state,
        origin=installation.settings.origin,
        clock=SystemClock(),
        stop=stop,
        migrate=_migrate,
    )


def _migrate(engine: Engine) -> None:
    from assay.adapters.log.migration import migrate  # most databases need none of it

    migrate(engine)
