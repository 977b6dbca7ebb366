"""Where images are seen that somebody will probably ask about: past decisions, and ReplicaSets of the cluster."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from assay.domain.artefact import Artefact
from assay.domain.cluster import WantedImage
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.mirror import MirrorNames
from assay.domain.record import DecisionFilter
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from assay.domain.tenancy import Tenancy, TenantRule, find_tenancy
from assay.ports import Clock, Cluster, DecisionArchive, Prewarmer

_MOST_DECISIONS = 1000
_AGAIN_SECONDS = 300.0


def offer_decided(archive: DecisionArchive, prewarmer: Prewarmer, *, since: datetime) -> None:
    """Offer the images of the last thousand admissions that were allowed since then, the newest last.

    Raises what reading the log raises.
    """
    wanted = DecisionFilter(kind=DecisionKind.ADMISSION, verdict=Verdict.ALLOW, since=since)
    page = archive.list_decisions(wanted, tenant=None, limit=_MOST_DECISIONS)
    for leaf in (decision.leaf for decision in reversed(page.decisions)):
        for image in leaf.images:
            prewarmer.offer(
                SeenImage(
                    artefact=Artefact(repository=Repository.parse(image.name), digest=image.digest),
                    why=Sighting.DECISION,
                    tenant=leaf.tenant,
                    environment=leaf.environment,
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedCluster:
    """A cluster with what the configuration says of its namespaces and of the names of images."""

    cluster: Cluster
    tenants: Sequence[TenantRule]
    exempt: frozenset[str]
    mirrors: MirrorNames


def _offer_wanted(guarded: GuardedCluster, prewarmer: Prewarmer, images: Sequence[WantedImage]) -> None:
    """Offer images for the tenants of their namespaces, but none of a namespace that is exempt, nobody's or unknown."""
    tenancies = _tenancies(guarded, {image.namespace for image in images} - guarded.exempt)
    for image in images:
        tenancy = tenancies.get(image.namespace)
        reference = guarded.mirrors.origin_of(image.reference)
        if tenancy is not None and reference.digest is not None:
            prewarmer.offer(
                SeenImage(
                    artefact=Artefact(repository=reference.repository, digest=reference.digest, tag=reference.tag),
                    why=Sighting.REPLICA_SET,
                    tenant=tenancy.tenant,
                    environment=tenancy.environment,
                )
            )


@dataclass(slots=True, kw_only=True)
class WantedSightings:
    """Offers what the ReplicaSets of a cluster have begun to want, and all of it again every five minutes.

    Images may have been let go since, and namespaces may have become known. Used by one thread.
    """

    guarded: GuardedCluster
    clock: Clock
    _offered: Sequence[WantedImage] = ()
    _all_due: float = -math.inf

    def look(self, prewarmer: Prewarmer) -> None:
        """Offer what is due; raises what `Cluster.wanted_images` raises."""
        wanted, now = self.guarded.cluster.wanted_images(), self.clock.monotonic()
        if now >= self._all_due:
            self._offered, self._all_due = (), now + _AGAIN_SECONDS
        if wanted is not self._offered:
            offered, self._offered = frozenset(self._offered), wanted
            _offer_wanted(self.guarded, prewarmer, [image for image in wanted if image not in offered])


def _tenancies(guarded: GuardedCluster, namespaces: set[str]) -> Mapping[str, Tenancy]:
    found: dict[str, Tenancy] = {}
    for name in namespaces:
        try:
            found[name] = find_tenancy(guarded.tenants, name, guarded.cluster.get_namespace)
        except (InvalidInput, Unavailable):
            continue
    return found
