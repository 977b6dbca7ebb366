"""The loop of a worker around a pipeline: it turns only when a test says so."""

import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assay.adapters.supervision.loop_application import Pipeline

PATIENCE = 60.0
TURN_SECONDS = 0.02


class PipelineLoop:
    """Turns as a worker does: calls what is registered and ready, then has the pipeline send and give up."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._poller = selectors.DefaultSelector()
        pipeline.attach(self._poller)

    @classmethod
    @contextmanager
    def around(cls, pipeline: Pipeline) -> Iterator["PipelineLoop"]:
        """A loop that ends the pipeline with the block."""
        loop = cls(pipeline)
        try:
            yield loop
        finally:
            pipeline.close()
            loop._poller.close()

    def turn(self) -> None:
        """Turn once, after a moment at most."""
        for key, _ in self._poller.select(self._pipeline.seconds_left(TURN_SECONDS)):
            key.data(key.fileobj)
        self._pipeline.flush()
        self._pipeline.give_up_late()

    def turn_until(self, holds: Callable[[], bool]) -> None:
        """Turn until something holds."""
        give_up = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < give_up, "it never held"
            self.turn()
