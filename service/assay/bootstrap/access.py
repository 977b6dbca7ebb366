"""How the cluster of an installation is reached; apart, so that checking it loads no client."""

import os
from collections.abc import Mapping

from assay.adapters.kubernetes.access import ClusterAccess
from assay.bootstrap.installation import Installation


def cluster_access(installation: Installation, *, environment: Mapping[str, str] = os.environ) -> ClusterAccess | None:
    """How the cluster that the configuration names is reached, None when it names none; nothing is asked.

    Raises `ConfigError`: `cluster_not_configured`, `kubeconfig_malformed`, `yaml_malformed`.
    """
    settings = installation.settings.cluster
    if settings is None:
        return None
    if settings.kubeconfig:
        return ClusterAccess.from_kubeconfig(installation.path(settings.kubeconfig))
    return ClusterAccess.in_cluster(environment)
