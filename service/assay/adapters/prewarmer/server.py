"""Where the pre-warmer hears of images."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from assay.domain.errors import InvalidInput
from assay.domain.seen_image import SeenImage
from assay.formats.seen_image import LARGEST, parse_seen_image

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5


class PrewarmerSocket:
    """A socket (mode 0600) below the state folder; what is no seen image is dropped."""

    def __init__(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        before = os.umask(0o177)
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(before)
        self._socket.settimeout(_LOOK_SECONDS)

    def receive(self, take: Callable[[SeenImage], object], stop: threading.Event) -> None:
        """Hand every image that arrives to `take`, until `stop` is set; then nobody is heard any more."""
        with self._socket:
            while not stop.is_set():
                try:
                    octets = self._socket.recv(LARGEST + 1)
                except TimeoutError:
                    continue
                try:
                    take(parse_seen_image(octets))
                except InvalidInput as error:
                    _LOG.warning("an image that was seen is not read: %s", error.message)
