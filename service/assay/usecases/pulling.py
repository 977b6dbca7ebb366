"""Registries as a Pod may read them: with its own pull secrets first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from assay.domain.admission import AdmissionQuestion
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.formats.docker_config import DockerConfig, parse_docker_config
from assay.ports import Clock, Cluster, Registry

_SECONDS = 30.0
_MOST_ANSWERS = 1024
_MOST_REGISTRIES = 32
_FETCH_SHARE = 0.5

_Asker = tuple[str, str, tuple[str, ...]]

OpenRegistry = Callable[[Sequence[DockerConfig]], Registry]
"""Opens the registries with these credentials before the configured ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulling:
    """Registries with the credentials they are asked with: a digest over these, None for the configured ones alone."""

    registry: Registry
    credentials: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    pulling: Pulling
    until: float


@dataclass(slots=True, kw_only=True)
class PullingRegistries:
    """The registries for each asker: a service account of a namespace with the secrets that a Pod names.

    The secrets of an asker are fetched anew after half a minute, so one that was replaced or taken away counts for that
    long at most. What is read with one set of credentials is never remembered for another: each set has a client of its
    own, and the clients used last are kept. Shared by threads.
    """

    cluster: Cluster
    configured: Registry
    open_registry: OpenRegistry
    clock: Clock
    _answers: OrderedDict[_Asker, _Answer] = field(default_factory=OrderedDict)
    _registries: OrderedDict[Digest, Registry] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, question: AdmissionQuestion, deadline: Deadline) -> Pulling:
        """The registries for a question's Pods.

        Raises `Unavailable(cluster_unavailable)` and, for a pull secret that cannot be read,
        `InvalidInput(docker_config_malformed)`.
        """
        known = self.known(question)
        if known is not None:
            return known
        asker = _asker(question)
        secrets = self.cluster.fetch_pull_secrets(*asker, deadline.part(_FETCH_SHARE))
        pulling = self._pulling(secrets, what=f"a pull secret in the namespace {question.namespace}")
        if secrets or not question.pull_secrets:  # one that is named and not there yet may come any moment
            self._remember(asker, pulling)
        return pulling

    def known(self, question: AdmissionQuestion) -> Pulling | None:
        """Those that were opened for its Pods less than half a minute ago; nobody is asked."""
        known = self._answers.get(_asker(question))
        return known.pulling if known is not None and self.clock.monotonic() < known.until else None

    def _remember(self, asker: _Asker, pulling: Pulling) -> None:
        with self._lock:
            self._answers[asker] = _Answer(pulling=pulling, until=self.clock.monotonic() + _SECONDS)
            self._answers.move_to_end(asker)
            while len(self._answers) > _MOST_ANSWERS:
                self._answers.popitem(last=False)

    def _pulling(self, secrets: Sequence[bytes], *, what: str) -> Pulling:
        if not secrets:
            return Pulling(registry=self.configured)
        configs = [parse_docker_config(octets, what=what) for octets in secrets]
        identity = Digest.of("\n".join(Digest.of(octets).text for octets in secrets).encode())
        with self._lock:
            registry = self._registries.pop(identity, None) or self.open_registry(configs)
            self._registries[identity] = registry
            while len(self._registries) > _MOST_REGISTRIES:
                self._registries.popitem(last=False)
        return Pulling(registry=registry, credentials=identity)


def _asker(question: AdmissionQuestion) -> _Asker:
    return (question.namespace, question.service_account, question.pull_secrets)
