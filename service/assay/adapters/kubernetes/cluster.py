"""The cluster, as admission sees it."""

import threading
from collections.abc import Iterable, Sequence

from assay.adapters.kubernetes.connection import KubernetesConnection
from assay.adapters.kubernetes.list_watch import ListWatch
from assay.adapters.kubernetes.namespaces import NAMESPACES, find_namespace, missing_namespaces
from assay.adapters.kubernetes.replica_sets import REPLICA_SETS, WantedImages
from assay.adapters.kubernetes.secret import SecretReader
from assay.domain.cluster import Namespace, WantedImage
from assay.domain.deadline import Deadline
from assay.ports import Clock
from assay.ports.metrics import ClusterMetrics


class KubernetesCluster:
    """Implements the port `Cluster` over the Kubernetes API.

    Nothing is known of namespaces before `follow`, nor of ReplicaSets before `follow_replica_sets`; what was not
    confirmed for `max_age_seconds` does not count.
    """

    def __init__(
        self, connection: KubernetesConnection, *, clock: Clock, metrics: ClusterMetrics, max_age_seconds: float
    ) -> None:
        self._secrets = SecretReader(connection=connection)
        self._namespaces = ListWatch(
            connection, NAMESPACES, clock=clock, metrics=metrics, max_age_seconds=max_age_seconds
        )
        self._replica_sets = ListWatch(
            connection, REPLICA_SETS, clock=clock, metrics=metrics, max_age_seconds=max_age_seconds
        )
        self._wanted = WantedImages(self._replica_sets)
        self._late = [self._namespaces.late]

    def follow(self, stop: threading.Event) -> None:
        """Begin to follow the namespaces, in the process that answers requests."""
        self._namespaces.follow(stop)

    def follow_replica_sets(self, stop: threading.Event) -> None:
        """Begin to follow the ReplicaSets, too."""
        self._late.append(self._replica_sets.late)
        self._replica_sets.follow(stop)

    def late(self) -> str:
        """Why something that is followed does not count now, and no namespace before `follow`; empty when all does."""
        return next(filter(None, (late() for late in self._late)), "")

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of these names that no namespace has; none while the namespaces are not known."""
        return missing_namespaces(self._namespaces, names)

    def get_namespace(self, name: str, *, may_wait: bool = True) -> Namespace:
        """See `Cluster`."""
        return find_namespace(self._namespaces, name, may_wait=may_wait)

    def fetch_pull_secrets(
        self, namespace: str, service_account: str, named: Sequence[str], deadline: Deadline
    ) -> Sequence[bytes]:
        """See `Cluster`."""
        return self._secrets.fetch_pull_secrets(namespace, service_account, named, deadline)

    def wanted_images(self) -> Sequence[WantedImage]:
        """See `Cluster`."""
        return self._wanted.current()
