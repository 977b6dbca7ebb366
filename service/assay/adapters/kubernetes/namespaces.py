"""The namespaces of the cluster, by their metadata alone."""

from collections.abc import Iterable

from assay.adapters.kubernetes.list_watch import ListWatch, WatchedResource
from assay.domain.cluster import Namespace
from assay.domain.errors import Unavailable
from assay.formats.open_object import OpenObject

_PATIENCE_SECONDS = 0.25

Labels = tuple[tuple[str, str], ...]


def _read_labels(item: OpenObject) -> Labels:
    return item.section("metadata").text_map("labels")


NAMESPACES = WatchedResource(
    word="namespaces",
    path="/api/v1/namespaces",
    accept="application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1",
    page=500,
    pages=200,
    seconds=30,
    read=_read_labels,
)


def find_namespace(namespaces: ListWatch[Labels], name: str, *, may_wait: bool) -> Namespace:
    """See `Cluster.get_namespace`."""
    labels = namespaces.find(("", name), _PATIENCE_SECONDS if may_wait else 0.0)
    if (late := namespaces.late()) or labels is None:
        raise Unavailable(
            "namespace_unknown",
            late or f"the namespace {name} has not been seen in the cluster",
            remedy="repeat the request; if that does not help, check the webhook's access to the Kubernetes API",
        )
    return Namespace(name=name, labels=labels)


def missing_namespaces(namespaces: ListWatch[Labels], names: Iterable[str]) -> tuple[str, ...]:
    """See `KubernetesCluster.missing`; sorted."""
    return () if namespaces.late() else tuple(sorted(name for name in names if ("", name) not in namespaces.known))
