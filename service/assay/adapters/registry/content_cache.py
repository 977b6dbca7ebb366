"""Content that was read before: a digest names the same bytes for ever."""

from collections import OrderedDict
from threading import Lock

from assay.domain.descriptor import Content
from assay.domain.digest import Digest
from assay.domain.reference import Repository

_LARGEST_SHARE = 16


class ContentCache:
    """Manifests and blobs by repository and digest, the least recently used let go; at most `octets` bytes together.

    The repository belongs to the key: who may read one repository may not read the same bytes in another. An item
    above a sixteenth of the room is not kept, so that a large one cannot push out everything else.
    """

    def __init__(self, octets: int) -> None:
        self._most = octets
        self._held = 0
        self._items: OrderedDict[tuple[Repository, Digest], Content] = OrderedDict()
        self._lock = Lock()

    def find(self, repository: Repository, digest: Digest) -> Content | None:
        """The content, when it is here."""
        with self._lock:
            content = self._items.get((repository, digest))
            if content is not None:
                self._items.move_to_end((repository, digest))
            return content

    def keep(self, repository: Repository, content: Content) -> None:
        """Keep content whose digest was checked."""
        size = len(content.octets)
        if size * _LARGEST_SHARE > self._most:
            return
        with self._lock:
            replaced = self._items.pop((repository, content.digest), None)
            self._held += size - (len(replaced.octets) if replaced else 0)
            self._items[repository, content.digest] = content
            while self._held > self._most:
                _, dropped = self._items.popitem(last=False)
                self._held -= len(dropped.octets)
