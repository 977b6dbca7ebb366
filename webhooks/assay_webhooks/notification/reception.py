"""From a call to what it makes us do: the sender is verified, then the delivery parsed, then taken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.notification import Delivery, NotificationSource, Receipt
from assay.ports import Clock
from assay.ports.metrics import NotificationMetrics
from assay_webhooks.notification.delivery import parse_delivery
from assay_webhooks.notification.rate import Rate
from assay_webhooks.notification.sender import verify_sender

_PER_SECOND = 50.0
_BURST = 200
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """A source with the secrets that count now, read anew at each call."""

    source: NotificationSource
    secrets: Callable[[], Sequence[bytes]]


class Reception:
    """Receives the calls for all sources; whoever shows no secret costs one comparison and learns nothing."""

    def __init__(
        self,
        sources: Sequence[KnownSource],
        take: Callable[[Delivery], None],
        metrics: NotificationMetrics,
        clock: Clock,
    ) -> None:
        self._sources = {item.source.name: item for item in sources}
        self._rates = {
            name: Rate(per_second=_PER_SECOND, burst=_BURST, clock=clock.monotonic) for name in self._sources
        }
        self._take = take
        self._metrics = metrics

    def receive(self, name: str, octets: bytes, *, media_type: str, headers: Mapping[str, str]) -> Receipt:
        """Receive one call for the source of this name.

        Raises `InvalidInput`: `path_unknown`, `caller_unknown` and what `parse_delivery` raises; `Unavailable`:
        `secret_unavailable`, `notifications_overloaded` and what taking the delivery raises.
        """
        known = self._sources.get(name)
        kind = known.source.kind.value if known is not None else _UNKNOWN
        try:
            receipt = self._received(known, octets, media_type, headers)
        except AssayError as error:
            self._metrics.count_notification(kind, "failed" if error.retryable else "refused")
            raise
        self._metrics.count_notification(kind, "taken" if receipt.events else "ignored")
        return receipt

    def _received(
        self, known: KnownSource | None, octets: bytes, media_type: str, headers: Mapping[str, str]
    ) -> Receipt:
        if known is None:
            raise InvalidInput("path_unknown", "there is no such source", remedy="name a source of `notifications`")
        verify_sender(known.source.kind, octets, headers, known.secrets())
        if not self._rates[known.source.name].admits():
            raise Unavailable(
                "notifications_overloaded",
                f"{known.source.name} sent more than {_PER_SECOND:.0f} notifications a second",
                remedy="let the registry repeat it later",
            )
        delivery = parse_delivery(known.source, octets, media_type=media_type, headers=headers)
        self._take(delivery)
        return Receipt(events=len(delivery.events), ignored=delivery.ignored)
