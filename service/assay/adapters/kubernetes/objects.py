"""Objects of the cluster as they are, read and written as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.adapters.kubernetes.connection import KubernetesConnection, unavailable
from assay.domain.deadline import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesObjects:
    """Implements the port `ClusterObjects` over the Kubernetes API."""

    connection: KubernetesConnection

    def get(self, path: str, deadline: Deadline) -> dict[str, object] | None:
        """See `ClusterObjects`."""
        return self.connection.exchange("GET", path, deadline)

    def replace(self, path: str, document: Mapping[str, object], deadline: Deadline) -> None:
        """See `ClusterObjects`."""
        if self.connection.exchange("PUT", path, deadline, document=document) is None:
            raise unavailable("the object is gone")

    def create(self, path: str, document: Mapping[str, object], deadline: Deadline) -> dict[str, object]:
        """See `ClusterObjects`."""
        created = self.connection.exchange("POST", path, deadline, document=document)
        if created is None:
            raise unavailable("it has no such resource")
        return created
