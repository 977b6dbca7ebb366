"""The cluster, as admission sees it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from assay.adapters.kubernetes.namespaces import NamespaceWatch
from assay.adapters.kubernetes.replica_sets import ReplicaSetReader
from assay.adapters.kubernetes.secret import SecretReader
from assay.domain.cluster import Namespace, WantedImage
from assay.domain.deadline import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesCluster:
    """Implements the port `Cluster` over the Kubernetes API; needs `follow` to know anything of namespaces."""

    namespaces: NamespaceWatch
    secrets: SecretReader
    replica_sets: ReplicaSetReader

    def follow(self, stop: threading.Event) -> None:
        """Begin to follow the namespaces, in the process that answers requests."""
        self.namespaces.follow(stop)

    def late(self) -> str:
        """Why no namespace is known now; empty when they are."""
        return self.namespaces.late()

    def get_namespace(self, name: str) -> Namespace:
        """See `Cluster`."""
        return self.namespaces.find(name)

    def fetch_pull_secrets(
        self, namespace: str, service_account: str, named: Sequence[str], deadline: Deadline
    ) -> Sequence[bytes]:
        """See `Cluster`."""
        return self.secrets.fetch_pull_secrets(namespace, service_account, named, deadline)

    def list_replica_set_images(self, deadline: Deadline) -> Sequence[WantedImage]:
        """See `Cluster`."""
        return self.replica_sets.list_images(deadline)
