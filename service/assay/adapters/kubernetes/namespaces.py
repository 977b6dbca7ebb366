"""The namespaces of the cluster, listed once and watched from then on.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import logging
import threading
from urllib.parse import urlencode

from assay.adapters.kubernetes.connection import KubernetesConnection, VersionExpired, unavailable
from assay.domain.cluster import Namespace
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.formats.open_object import OpenObject
from assay.ports import Clock
from assay.ports.metrics import ClusterMetrics

_LOG = logging.getLogger(__name__)
_PATH = "/api/v1/namespaces"
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_PAGE = 500
_PAGES = 200
_LIST_SECONDS = 30.0
_PATIENCE_SECONDS = 0.25
_SHORTEST_WATCH = 4
_LONGEST_WATCH = 60
_BESIDE_WATCH = 5.0
_EARLY = 1.0
_SHORTEST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0
_PAUSES = {"listed": 0.0, "watched": 0.05, "expired": _SHORTEST_PAUSE}
"""Seconds before the next turn; after a failure they double. An API server that ends watches at once is not flooded."""

_Labels = tuple[tuple[str, str], ...]


class NamespaceWatch:
    """What this process knows of the namespaces; `follow` keeps it up to date in a thread.

    A watch is asked for a quarter of `max_age_seconds` at most. Each event and bookmark confirms all that is known, and
    so does a watch that the API server ended in order when its time was over: nothing had changed. A connection that
    has silently died confirms nothing. When the API server has forgotten where we were, everything is listed again;
    until then the last state stays, and ages. Safe to share between threads and to make before a fork.
    """

    def __init__(
        self, connection: KubernetesConnection, *, clock: Clock, metrics: ClusterMetrics, max_age_seconds: float
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._metrics = metrics
        self._max_age = max_age_seconds
        self._watch_seconds = max(_SHORTEST_WATCH, min(_LONGEST_WATCH, int(max_age_seconds / 4)))
        self._known: dict[str, _Labels] = {}
        self._version = ""
        self._confirmed: float | None = None
        self._failure = "they were never listed"
        self._changed = threading.Condition()

    def follow(self, stop: threading.Event) -> None:
        """List and watch in a thread of this process, until `stop` is set."""
        threading.Thread(target=self._follow, args=(stop,), name="namespaces", daemon=True).start()

    def find(self, name: str) -> Namespace:
        """See `Cluster.get_namespace`."""
        labels = self._known.get(name)
        if labels is None and not self.late():
            with self._changed:
                self._changed.wait_for(lambda: name in self._known, _PATIENCE_SECONDS)
                labels = self._known.get(name)
        if (late := self.late()) or labels is None:
            raise Unavailable(
                "namespace_unknown",
                late or f"the namespace {name} has not been seen in the cluster",
                remedy="repeat the request; if that does not help, check the webhook's access to the Kubernetes API",
            )
        return Namespace(name=name, labels=labels)

    def late(self) -> str:
        """Why nothing of this counts now; empty when it does."""
        confirmed = self._confirmed
        if confirmed is not None and self._clock.monotonic() - confirmed <= self._max_age:
            return ""
        return f"the namespaces were not confirmed for more than {self._max_age:g} s: {self._failure}"

    def _follow(self, stop: threading.Event) -> None:
        pause = 0.0
        while not stop.wait(pause):
            outcome = self.turn(stop)
            self._metrics.count_watch(outcome)
            fine = outcome in _PAUSES
            pause = _PAUSES[outcome] if fine else min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, 2 * pause))

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
            self._version = ""  # an event that cannot be read is not passed over: everything is listed again
            return self._failed("failed", error.message)
        except Exception as error:  # noqa: BLE001  # a long-lived thread: what is known ages, which denies in the end
            _LOG.exception("the namespaces could not be followed")
            self._version = ""
            return self._failed("internal", f"unexpected {type(error).__name__}")
        return "watched"

    def _failed(self, outcome: str, why: str) -> str:
        if why != self._failure:
            _LOG.warning("the namespaces cannot be followed: %s", why)
        self._failure = why
        return outcome

    def _list(self) -> None:
        deadline = Deadline.after(_LIST_SECONDS, self._clock.monotonic)
        known: dict[str, _Labels] = {}
        version = token = ""
        for _ in range(_PAGES):
            query = {"limit": str(_PAGE), **({"continue": token} if token else {})}
            answer = self._connection.get(f"{_PATH}?{urlencode(query)}", deadline, accept=_METADATA.format("List"))
            if answer is None:
                raise unavailable("it has no namespaces")
            known.update(map(_read_namespace, answer.sections("items")))
            metadata = answer.section("metadata")
            version, token = metadata.text("resourceVersion"), metadata.text("continue", "")
            if not token:
                break
        else:
            raise unavailable(f"there are more than {_PAGE * _PAGES} namespaces")
        with self._changed:
            self._known, self._version = known, version
            self._confirm()

    def _watch(self, stop: threading.Event) -> None:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(self._watch_seconds),
        }
        silence = self._watch_seconds + _BESIDE_WATCH
        begun = self._clock.monotonic()
        for event in self._connection.watch(
            f"{_PATH}?{urlencode(query)}", accept=_METADATA.format(""), silence=silence
        ):
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
                    name, labels = _read_namespace(changed)
                    self._known[name] = labels
                case "DELETED":
                    self._known.pop(metadata.text("name"), None)
                case "BOOKMARK":
                    pass
                case _:
                    raise metadata.refuse("", f"an event of the unknown type {kind[:40]!r}")
            self._version = version
            self._confirm()

    def _confirm(self) -> None:
        self._confirmed = self._clock.monotonic()
        self._failure = ""
        self._metrics.set_namespaces_confirmed(self._clock.now().timestamp())
        self._changed.notify_all()


def _read_namespace(item: OpenObject) -> tuple[str, _Labels]:
    metadata = item.section("metadata")
    return metadata.text("name"), metadata.text_map("labels")
