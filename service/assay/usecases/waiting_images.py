"""Images that wait to be verified before anybody asks about them."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from assay.domain.artefact import Artefact
from assay.domain.seen_image import SeenImage

_Place = tuple[Artefact, str, str]


@dataclass(slots=True, kw_only=True)
class WaitingImages:
    """At most `most` images in the order in which they were offered; implements the port `Prewarmer`.

    An image that waits already is not put in line again, wherever it was seen. Shared by threads.
    """

    most: int
    _line: OrderedDict[_Place, SeenImage] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def offer(self, image: SeenImage) -> bool:
        """See `Prewarmer`."""
        place = (image.artefact, image.tenant, image.environment)
        with self._lock:
            if place not in self._line and len(self._line) >= self.most:
                return False
            self._line.setdefault(place, image)
            return True

    def take(self) -> SeenImage | None:
        """The image that has waited longest, None when none waits."""
        with self._lock:
            return self._line.popitem(last=False)[1] if self._line else None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._line)
