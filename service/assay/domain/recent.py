"""What was used recently, in the memory of one process."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True, kw_only=True)
class Recent(Generic[K, V]):
    """At most `entries` values of at most `octets` together (as `size_of` counts); the least recently used one goes.

    Safe to share between threads, and to create before a fork.
    """

    entries: int
    octets: int
    size_of: Callable[[V], int]
    _kept: OrderedDict[K, tuple[V, int]] = field(default_factory=OrderedDict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, entries: int) -> Self:
        """At most so many values, whatever their size."""
        return cls(entries=entries, octets=entries, size_of=lambda _: 1)

    def get(self, key: K) -> V | None:
        """The value, or None."""
        with self._lock:
            entry = self._kept.get(key)
            if entry is None:
                return None
            self._kept.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V) -> None:
        """Keep a value in place of the one before; one that is too large by itself is not kept."""
        size = self.size_of(value)
        with self._lock:
            self._drop(key)
            if size > self.octets:
                return
            self._kept[key] = (value, size)
            self._size += size
            while self._size > self.octets or len(self._kept) > self.entries:
                self._drop(next(iter(self._kept)))

    def forget(self, key: K) -> None:
        """Let go what is kept under the key, if anything is."""
        with self._lock:
            self._drop(key)

    def __len__(self) -> int:
        """How many values are kept."""
        return len(self._kept)

    def _drop(self, key: K) -> None:
        entry = self._kept.pop(key, None)
        if entry is not None:
            self._size -= entry[1]
