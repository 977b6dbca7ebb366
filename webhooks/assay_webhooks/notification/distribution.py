"""Notifications of Distribution, the reference registry.

Source: "Work with notifications" of CNCF Distribution, https://distribution.github.io/distribution/about/notifications:
an envelope `events`, each with `action`, `timestamp` and a `target` of `repository`, `digest`, `mediaType` and `tag`.
Release 3 calls the same structure version 2, because its descriptors may have more members.
"""

from assay.domain.descriptor import IMAGE_MANIFESTS, INDEXES
from assay.domain.notification import Action, Delivery, NotificationSource, RegistryEvent
from assay.formats.open_object import OpenObject
from assay_webhooks.notification.event import make_event, open_notification, parse_moment, require_few

MEDIA_TYPES = frozenset(
    {
        "application/vnd.docker.distribution.events.v1+json",
        "application/vnd.docker.distribution.events.v2+json",
    }
)
_MANIFESTS = IMAGE_MANIFESTS | INDEXES


def parse_distribution(source: NotificationSource, octets: bytes) -> Delivery:
    """Parse an envelope of events.

    Pushes of manifests and deletions count. Pulls, mounts, other actions and pushes of anything but a manifest are
    ignored: no image changed. Raises what `open_notification` and `make_event` raise.
    """
    envelope = open_notification(octets)
    entries = envelope.sections("events")
    require_few(len(entries))
    events = [event for entry in entries if (event := _event(source, entry)) is not None]
    return Delivery(events=tuple(events), ignored=len(entries) - len(events))


def _event(source: NotificationSource, entry: OpenObject) -> RegistryEvent | None:
    action, target = entry.text("action"), entry.section("target")
    if action not in set(Action):
        return None
    if action == Action.PUSH and target.text("mediaType", "") not in _MANIFESTS:
        return None
    return make_event(
        source,
        Action(action),
        target.text("repository"),
        tag=target.text("tag", ""),
        digest=target.text("digest", ""),
        at=parse_moment(entry.text("timestamp")),
    )
