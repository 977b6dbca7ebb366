"""What a notification is for: forget what may be out of date, see what tags stand for, have images verified."""

from dataclasses import dataclass, field

from assay.domain.artefact import Artefact
from assay.domain.evidence_tag import is_evidence_tag
from assay.domain.incident import TagSighting, Witness
from assay.domain.notification import Action, Delivery, RegistryEvent
from assay.domain.recent import Recent
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from assay.ports import Prewarmer
from assay.usecases.engine import Engine

_MOST_REPOSITORIES = 1024
_IMAGES_OF_EACH = 4


def _no_pushes() -> "Recent[Repository, tuple[Artefact, ...]]":
    return Recent.of(_MOST_REPOSITORIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDesk:
    """Where deliveries end. Taking one twice is taking it once: nothing is allowed because of it.

    `prewarmer` verifies images before anybody asks, None where none does. `pushed` are the last images that were pushed
    to a repository by tag: what comes without one may be a signature of one of them, so they are offered again.
    """

    engine: Engine
    prewarmer: Prewarmer | None
    pushed: Recent[Repository, tuple[Artefact, ...]] = field(default_factory=_no_pushes)

    def take(self, delivery: Delivery) -> None:
        """Take a delivery; what lies in a mirror is known under its origin.

        Guaranteed: when this returns, no process gives a verdict again that was found before in one of the repositories
        in which something happened, and an immutable tag that moved is on disk. Raises `Unavailable(cache_unavailable |
        tags_unavailable)`; then the registry should repeat the delivery.
        """
        origin = self.engine.mirrors.origin
        for event in delivery.events:
            if event.action is Action.PUSH and event.digest is not None and event.tag:
                self._see(event, Artefact(repository=origin(event.repository), digest=event.digest, tag=event.tag))
        for repository in dict.fromkeys(origin(event.repository) for event in delivery.events):
            self.engine.memory.store.forget_repository(repository)
            self._offer(repository)

    def _see(self, event: RegistryEvent, pushed: Artefact) -> None:
        guard = self.engine.tags
        if guard is not None and guard.covers(pushed):
            guard.book.see(
                TagSighting(
                    repository=pushed.repository,
                    tag=pushed.tag,
                    digest=pushed.digest,
                    witness=Witness.NOTIFICATION,
                    at=self.engine.clock.now(),
                    pushed=event.at,
                )
            )
        if not is_evidence_tag(pushed.tag):
            # Two deliveries at once may lose an image here; it is then verified when somebody asks about it.
            earlier = (item for item in self.pushed.get(pushed.repository) or () if item.tag != pushed.tag)
            self.pushed.put(pushed.repository, (pushed, *earlier)[:_IMAGES_OF_EACH])

    def _offer(self, repository: Repository) -> None:
        if self.prewarmer is None:
            return
        for artefact in self.pushed.get(repository) or ():
            self.prewarmer.offer(SeenImage(artefact=artefact, why=Sighting.NOTIFICATION))
