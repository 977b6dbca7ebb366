"""Tells the pre-warmer of images, from any process of the installation."""

import socket
from dataclasses import dataclass
from pathlib import Path

from assay.domain.seen_image import SeenImage
from assay.formats.seen_image import render_seen_image


@dataclass(frozen=True, slots=True, kw_only=True)
class PrewarmerClient:
    """Implements the port `Prewarmer`: one datagram for each image, which the kernel takes at once or not at all."""

    path: Path

    def offer(self, image: SeenImage) -> bool:
        """See `Prewarmer`; False as well while no pre-warmer runs."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto(render_seen_image(image), str(self.path))
        except OSError:
            return False
        return True
