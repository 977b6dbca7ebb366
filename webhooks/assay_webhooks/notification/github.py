"""Notifications of GitHub about packages in its container registry.

Source: "Webhook events and payloads" of GitHub,
https://docs.github.com/en/webhooks/webhook-events-and-payloads#package (and `#registry_package`): the header
`X-GitHub-Event` names the event, `action` what happened; the version of a container has `container_metadata`, and its
`package_url` is the reference that one would pull. There is no time of the push in it that could be relied on.
"""

from assay.domain.notification import Action, Delivery, NotificationSource
from assay.formats.open_object import OpenObject
from assay_webhooks.notification.event import make_event, malformed, open_notification

_EVENTS = frozenset({"package", "registry_package"})
_ACTIONS = frozenset({"published", "updated"})


def parse_github(source: NotificationSource, octets: bytes, *, event: str) -> Delivery:
    """Parse what came under the event of this name, which is also that of the member about the package.

    Versions of containers that were published or updated count; other events (`ping`), actions and packages are
    ignored. Raises what `open_notification` and `make_event` raise.
    """
    document = open_notification(octets)
    if event not in _EVENTS or document.text("action") not in _ACTIONS:
        return Delivery(ignored=1)
    version = document.section(event).optional_section("package_version")
    if not version.has("container_metadata"):
        return Delivery(ignored=1)
    named = version.section("container_metadata").optional_section("tag")
    tag = named.text("name", "")
    return Delivery(
        events=(
            make_event(
                source,
                Action.PUSH,
                _path(source, version),
                tag=tag,
                digest=named.text("digest") if tag else version.text("version"),
                at=None,
            ),
        )
    )


def _path(source: NotificationSource, version: OpenObject) -> str:
    # An owner may be written with capitals; references are not.
    host, _, path = version.text("package_url").lower().partition("/")
    if host != source.registry:
        raise malformed(f"it is about a package at {host[:80]!r}, not at {source.registry}")
    return path.partition(":")[0].partition("@")[0]
