"""The lines that a process logs."""

import logging
import threading
from typing import TextIO

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_PAUSE_SECONDS = 0.1
_MOST_LINES = 256


class LogLines(logging.Handler):
    """Writes lines to a stream; once it gathers, those of a tenth of a second in one call.

    A warning, and everything worse, is written at once with what came before it. What is gathered is written when the
    process ends by itself; a process that is killed takes the lines of a tenth of a second with it. Decisions do not
    depend on that: their log is another one.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
        self._stream = stream
        self._lines: list[str] = []
        self._gathers = False

    def gather(self) -> None:
        """From now on write ten times in a second, from a thread of this process."""
        self._gathers = True
        threading.Thread(target=self._write_on, name="log-lines", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line; called under the handler's lock."""
        try:
            self._lines.append(f"{self.format(record)}\n")
            if not self._gathers or record.levelno >= logging.WARNING or len(self._lines) >= _MOST_LINES:
                self._write()
        except Exception:  # noqa: BLE001  # the library's own way: what cannot be logged breaks nothing
            self.handleError(record)

    def flush(self) -> None:
        """Write what was gathered."""
        self.acquire()
        try:
            self._write()
        finally:
            self.release()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()

    def _write_on(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(_PAUSE_SECONDS)
            try:
                self.flush()
            except (OSError, ValueError):  # whoever reads our lines has gone
                return


def log_plainly(stream: TextIO) -> LogLines:
    """Log to a stream, from `INFO` on, without what our lines do not say: each decision writes one.

    That makes them cheap (Python documentation, "Logging: Optimization").
    """
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    logging._srcfile = None  # noqa: SLF001  # as that documentation says
    lines = LogLines(stream)
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    return lines
