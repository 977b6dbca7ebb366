"""What lay beside a digest a moment ago: lists of referrers, and what evidence tags named or did not name."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar, cast

from assay.domain.credential import Credential
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.reference import Repository

_ENTRY_OCTETS = 1024

Listed = tuple[Descriptor, ...] | Content | None
Found = TypeVar("Found", bound=Listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingKey:
    """Which list: what was asked about which subject, and as whom; who may see one repository may not see another."""

    repository: Repository
    subject: Digest
    what: str
    credentials: tuple[Credential | None, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    listed: Listed
    until: float
    octets: int


class ListingCache:
    """Complete answers, absence included, for `seconds` from when they were asked for; 0 seconds keep nothing.

    Guaranteed: an error is never kept; nothing that was asked for before a `forget` is found after it, also when its
    answer arrives later; no more than `entries` answers and about `octets` bytes are held, the least recently used let
    go. May be shared by threads.
    """

    def __init__(self, *, seconds: float, entries: int, octets: int) -> None:
        self.seconds = seconds
        self._entries = entries
        self._octets = octets
        self._held = 0
        self._forgotten = 0
        self._items: OrderedDict[ListingKey, _Item] = OrderedDict()
        self._lock = Lock()

    def recall(
        self, key: ListingKey, clock: Callable[[], float], ask: Callable[[], Found], *, hit: Callable[[], None]
    ) -> Found:
        """The answer that is here, told by `hit`, or what `ask` answers; raises what that raises."""
        asked = clock()
        with self._lock:
            item = self._items.get(key)
            if item is not None and asked < item.until:
                self._items.move_to_end(key)
            else:
                item = None
            forgotten = self._forgotten
        if item is not None:
            hit()
            return cast("Found", item.listed)  # the key says what kind of answer it is
        listed = ask()
        self._keep(key, _Item(listed=listed, until=asked + self.seconds, octets=_octets(listed)), forgotten)
        return listed

    def forget(self, repository: Repository, subject: Digest) -> None:
        """Ask again for everything beside this digest."""
        self._drop(lambda key: (key.repository, key.subject) == (repository, subject))

    def forget_repository(self, repository: Repository) -> None:
        """Ask again for everything in this repository."""
        self._drop(lambda key: key.repository == repository)

    def _keep(self, key: ListingKey, item: _Item, forgotten: int) -> None:
        with self._lock:
            if forgotten != self._forgotten:
                return
            self._remove(key)
            self._items[key] = item
            self._held += item.octets
            while self._held > self._octets or len(self._items) > self._entries:
                self._remove(next(iter(self._items)))

    def _drop(self, concerns: Callable[[ListingKey], bool]) -> None:
        with self._lock:
            self._forgotten += 1
            for key in [key for key in self._items if concerns(key)]:
                self._remove(key)

    def _remove(self, key: ListingKey) -> None:
        item = self._items.pop(key, None)
        self._held -= item.octets if item is not None else 0


def _octets(listed: Listed) -> int:
    """About what an answer takes; the texts of descriptors may come from strangers."""
    if isinstance(listed, Content):
        return _ENTRY_OCTETS + len(listed.octets)
    texts = (
        len(text)
        for entry in listed or ()
        for text in (entry.media_type, entry.artifact_type, *(part for pair in entry.annotations for part in pair))
    )
    return _ENTRY_OCTETS * (1 + len(listed or ())) + sum(texts)
