"""What a notification is for: what may be out of date is forgotten at once."""

from assay.domain.mirror import MirrorNames
from assay.domain.notification import Delivery
from assay.ports import VerdictStore


def take_delivery(store: VerdictStore, mirrors: MirrorNames, delivery: Delivery) -> None:
    """Forget what is kept about every repository in which something was pushed or deleted.

    Guaranteed: when this returns, no process gives a verdict again that was found in one of them before; what lies in a
    mirror is kept under its origin. Taking a delivery twice is taking it once: nothing is allowed because of it. Raises
    `Unavailable(cache_unavailable)`; then the registry should repeat the delivery.
    """
    for repository in dict.fromkeys(mirrors.origin(event.repository) for event in delivery.events):
        store.forget_repository(repository)
