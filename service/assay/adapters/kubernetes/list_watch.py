"""A list of the Kubernetes API, read once and watched from then on.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from assay.adapters.kubernetes.connection import KubernetesConnection, VersionExpired, unavailable
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.formats.open_object import OpenObject
from assay.ports import Clock
from assay.ports.metrics import ClusterMetrics

_LOG = logging.getLogger(__name__)
_SHORTEST_WATCH = 4
_LONGEST_WATCH = 60
_BESIDE_WATCH = 5.0
_EARLY = 1.0
_SHORTEST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0
_BETWEEN_WATCHES = 0.05
"""Seconds between two watches: an API server that ends them at once is not flooded."""

Key = tuple[str, str]
"""Namespace and name of an object; the namespace is empty where its kind has none."""
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedResource(Generic[Kept]):
    """What is watched: the plural word of the API, and where its lists are.

    All of it is on `pages` of `page` objects at most, which are read within `seconds`; more is `Unavailable`.
    `accept` is the media type to ask for, in which `{}` stands for the word `List` where a list is asked for. `read`
    makes of an object what is kept of it, None when that is nothing; it raises `InvalidInput`.
    """

    word: str
    path: str
    accept: str
    page: int
    pages: int
    seconds: float
    read: Callable[[OpenObject], Kept | None]


class ListWatch(Generic[Kept]):
    """What this process knows of one resource; `follow` keeps it up to date in a thread.

    A watch is asked for a quarter of `max_age_seconds` at most. Each event and bookmark confirms all that is known, and
    so does a watch that the API server ended in order when its time was over: nothing had changed. A connection that
    has silently died confirms nothing. When the API server has forgotten where we were, everything is listed again;
    until then the last state stays, and ages. Nothing is known of an object that cannot be read; it is counted. Safe to
    share between threads and to make before a fork.
    """

    def __init__(
        self,
        connection: KubernetesConnection,
        resource: WatchedResource[Kept],
        *,
        clock: Clock,
        metrics: ClusterMetrics,
        max_age_seconds: float,
    ) -> None:
        self._connection = connection
        self._resource = resource
        self._clock = clock
        self._metrics = metrics
        self._max_age = max_age_seconds
        self._watch_seconds = max(_SHORTEST_WATCH, min(_LONGEST_WATCH, int(max_age_seconds / 4)))
        self._known: Mapping[Key, Kept] = {}
        self._version = ""
        self._confirmed: float | None = None
        self._failure = "they were never listed"
        self._changed = threading.Condition()

    def follow(self, stop: threading.Event) -> None:
        """List and watch in a thread of this process, until `stop` is set."""
        threading.Thread(target=self.take_turns, args=(stop,), name=self._resource.word, daemon=True).start()

    @property
    def known(self) -> Mapping[Key, Kept]:
        """What is kept of each object; another mapping whenever something of it has changed."""
        return self._known

    def find(self, key: Key, patience: float) -> Kept | None:
        """What is kept of an object; one that is not known yet is waited for, unless nothing counts now."""
        found = self._known.get(key)
        if found is None and patience and not self.late():
            with self._changed:
                self._changed.wait_for(lambda: key in self._known, patience)
                found = self._known.get(key)
        return found

    def late(self) -> str:
        """Why nothing of this counts now; empty when it does."""
        confirmed = self._confirmed
        if confirmed is not None and self._clock.monotonic() - confirmed <= self._max_age:
            return ""
        return f"the {self._resource.word} were not confirmed for more than {self._max_age:g} s: {self._failure}"

    def take_turns(self, stop: threading.Event) -> None:
        """List and watch until `stop` is set; after each failure since the last watch the pause is twice as long."""
        pause = failing = 0.0
        while not stop.wait(pause):
            outcome = self.turn(stop)
            self._metrics.count_watch(self._resource.word, outcome)
            match outcome:
                case "listed":
                    pause = 0.0
                case "watched":
                    pause, failing = _BETWEEN_WATCHES, 0.0
                case _:
                    pause = failing = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, 2 * failing))

    def turn(self, stop: threading.Event) -> str:
        """List, or watch for a while, and say what became of it; one thread at a time."""
        try:
            if not self._version:
                self._list()
                return "listed"
            self._watch(stop)
        except VersionExpired:
            self._version = ""
            return "expired"
        except Unavailable as error:
            return self._failed("failed", error.message)
        except InvalidInput as error:
            self._version = ""  # after an event that cannot be placed everything is listed again
            return self._failed("failed", error.message)
        except Exception as error:  # noqa: BLE001  # a long-lived thread: what is known ages, which denies in the end
            _LOG.exception("the %s could not be followed", self._resource.word)
            self._version = ""
            return self._failed("internal", f"unexpected {type(error).__name__}")
        return "watched"

    def _failed(self, outcome: str, why: str) -> str:
        if why != self._failure:
            _LOG.warning("the %s cannot be followed: %s", self._resource.word, why)
        self._failure = why
        return outcome

    def _list(self) -> None:
        resource = self._resource
        deadline = Deadline.after(resource.seconds, self._clock.monotonic)
        known: dict[Key, Kept] = {}
        version = token = ""
        for _ in range(resource.pages):
            query = {"limit": str(resource.page), **({"continue": token} if token else {})}
            path, accept = f"{resource.path}?{urlencode(query)}", resource.accept.format("List")
            answer = self._connection.get(path, deadline, accept=accept)
            if answer is None:
                raise unavailable(f"it has no {resource.word}")
            for item in answer.sections("items"):
                key, kept = self._read(item)
                if key is not None and kept is not None:
                    known[key] = kept
            metadata = answer.section("metadata")
            version, token = metadata.text("resourceVersion"), metadata.text("continue", "")
            if not token:
                break
        else:
            raise unavailable(f"there are more than {resource.page * resource.pages} {resource.word}")
        with self._changed:
            self._known, self._version = known, version
            self._confirm()

    def _read(self, item: OpenObject) -> tuple[Key | None, Kept | None]:
        """Which object it is, and what is kept of it; None for what cannot be read."""
        key = None
        try:
            key = _read_key(item)
            return key, self._resource.read(item)
        except InvalidInput as error:
            self._metrics.count_unreadable(self._resource.word)
            _LOG.warning("one of the %s is passed over, %s: %s", self._resource.word, key, error.message)
            return key, None

    def _watch(self, stop: threading.Event) -> None:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(self._watch_seconds),
        }
        path, accept = f"{self._resource.path}?{urlencode(query)}", self._resource.accept.format("")
        silence = self._watch_seconds + _BESIDE_WATCH
        begun = self._clock.monotonic()
        for event in self._connection.watch(path, accept=accept, silence=silence):
            self._take(event)
            if stop.is_set():
                return
        if self._clock.monotonic() - begun >= self._watch_seconds - _EARLY:
            # One that ends before its time was cut off, perhaps with events that we have not been told.
            with self._changed:
                self._confirm()

    def _take(self, event: OpenObject) -> None:
        kind, changed = event.text("type"), event.section("object")
        if kind == "ERROR":
            raise VersionExpired  # whatever it is, most often 410: where we were does not hold any more
        metadata = changed.section("metadata")
        version = metadata.text("resourceVersion")
        with self._changed:
            match kind:
                case "ADDED" | "MODIFIED":
                    self._replace(_read_key(changed), self._read(changed)[1])
                case "DELETED":
                    self._replace(_read_key(changed), None)
                case "BOOKMARK":
                    pass
                case _:
                    raise metadata.refuse("", f"an event of the unknown type {kind[:40]!r}")
            self._version = version
            self._confirm()

    def _replace(self, key: Key, kept: Kept | None) -> None:
        if self._known.get(key) == kept:
            return
        others = {other: value for other, value in self._known.items() if other != key}
        self._known = others if kept is None else {**others, key: kept}

    def _confirm(self) -> None:
        self._confirmed = self._clock.monotonic()
        self._failure = ""
        self._metrics.set_confirmed(self._resource.word, self._clock.now().timestamp())
        self._changed.notify_all()


def _read_key(item: OpenObject) -> Key:
    metadata = item.section("metadata")
    return metadata.text("namespace", ""), metadata.text("name")
