"""The cluster of an installation, and the registries as its Pods may read them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from assay.adapters.kubernetes.access import ClusterAccess
from assay.adapters.kubernetes.cluster import KubernetesCluster
from assay.adapters.kubernetes.connection import KubernetesConnection
from assay.adapters.kubernetes.objects import KubernetesObjects
from assay.bootstrap.access import cluster_access
from assay.bootstrap.installation import Installation
from assay.bootstrap.registry import service_registry
from assay.domain.limit import Limits
from assay.formats.docker_config import DockerConfig
from assay.ports import Clock, Cluster, ClusterObjects, Registry
from assay.ports.metrics import ClusterMetrics
from assay.usecases.pulling import PullingRegistries


def open_cluster(installation: Installation, *, clock: Clock, metrics: ClusterMetrics) -> KubernetesCluster | None:
    """The cluster that the configuration names, None when it names none; raises what `cluster_access` raises."""
    settings, access = installation.settings.cluster, cluster_access(installation)
    if settings is None or access is None:
        return None
    max_age = float(settings.namespace_max_age_seconds)
    connection = KubernetesConnection(access=access)
    return KubernetesCluster(connection, clock=clock, metrics=metrics, max_age_seconds=max_age)


def open_objects(installation: Installation) -> ClusterObjects | None:
    """The objects of the cluster that the configuration names, None when it names none; raises as `cluster_access`."""
    access = cluster_access(installation)
    return KubernetesObjects(connection=KubernetesConnection(access=access)) if access is not None else None


def user_objects(kubeconfig: Path) -> ClusterObjects:
    """The objects of the cluster of a kubeconfig, with the rights of its user.

    Raises `ConfigError`: `cluster_not_configured`, `kubeconfig_malformed`, `yaml_malformed`.
    """
    return KubernetesObjects(connection=KubernetesConnection(access=ClusterAccess.from_kubeconfig(kubeconfig)))


def pulling_registries(
    installation: Installation,
    cluster: Cluster | None,
    configured: Registry,
    *,
    clock: Clock,
    limits: Limits,
    count: Callable[[str], None],
) -> PullingRegistries | None:
    """The registries as Pods may read them; None when pull secrets are not used."""
    settings = installation.settings.cluster
    if cluster is None or settings is None or not settings.pull_secrets:
        return None

    def open_registry(configs: Sequence[DockerConfig]) -> Registry:
        return service_registry(installation, limits=limits, count=count, pull_secrets=configs)

    return PullingRegistries(cluster=cluster, configured=configured, open_registry=open_registry, clock=clock)
