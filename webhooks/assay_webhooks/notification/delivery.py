"""One delivery: by the kind of its source and its media type to the parser of its format."""

from collections.abc import Mapping
from typing import assert_never

from assay.domain.errors import InvalidInput
from assay.domain.notification import Delivery, NotificationSource, SourceKind
from assay_webhooks.notification import distribution
from assay_webhooks.notification.distribution import parse_distribution
from assay_webhooks.notification.eventbridge import parse_eventbridge
from assay_webhooks.notification.github import parse_github
from assay_webhooks.notification.harbor import parse_harbor, parse_harbor_cloud_event

_JSON = frozenset({"application/json"})
_CLOUD_EVENT = "application/cloudevents+json"
_MEDIA_TYPES = {
    SourceKind.DISTRIBUTION: distribution.MEDIA_TYPES,
    SourceKind.HARBOR: _JSON | {_CLOUD_EVENT},
    SourceKind.EVENTBRIDGE: _JSON,
    SourceKind.GITHUB: _JSON,
}


def parse_delivery(
    source: NotificationSource, octets: bytes, *, media_type: str, headers: Mapping[str, str]
) -> Delivery:
    """Parse the body of a delivery whose sender was verified; the names of `headers` are in lower case.

    Guaranteed: every event is about a repository that the source may speak of; others are ignored. Raises
    `InvalidInput`: `content_type_unsupported`, `json_too_large`, `json_malformed`, `notification_malformed`.
    """
    if media_type not in _MEDIA_TYPES[source.kind]:
        raise InvalidInput(
            "content_type_unsupported",
            f"the notification is {media_type[:80] or 'of no type'}, which {source.kind} does not send",
            remedy=f"send {' or '.join(sorted(_MEDIA_TYPES[source.kind]))}",
        )
    delivery = _parse(source, octets, media_type, headers)
    covered = tuple(event for event in delivery.events if source.covers(event.repository))
    return Delivery(events=covered, ignored=delivery.ignored + len(delivery.events) - len(covered))


def _parse(source: NotificationSource, octets: bytes, media_type: str, headers: Mapping[str, str]) -> Delivery:
    match source.kind:
        case SourceKind.DISTRIBUTION:
            return parse_distribution(source, octets)
        case SourceKind.HARBOR:
            parse = parse_harbor_cloud_event if media_type == _CLOUD_EVENT else parse_harbor
            return parse(source, octets)
        case SourceKind.EVENTBRIDGE:
            return parse_eventbridge(source, octets)
        case SourceKind.GITHUB:
            return parse_github(source, octets, event=headers.get("x-github-event", ""))
        case never:
            assert_never(never)
