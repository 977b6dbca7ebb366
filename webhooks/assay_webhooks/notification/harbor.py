"""Notifications of Harbor, in its own form and as CloudEvents.

Source: "Configure Webhook Notifications" of Harbor,
https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks: `resources` with
`digest` and `tag`, and a `repository` with `repo_full_name`, below `event_data` or, in a CloudEvent (specification 1.0,
JSON format), below `data`. A tag that is put on an artefact without a push is told in the same form where the release
tells it at all (goharbor/harbor#22640); a push by some clients is told without its tag (goharbor/harbor#20939).
"""

from datetime import datetime

from assay.domain.notification import Action, Delivery, NotificationSource, RegistryEvent
from assay.formats.open_object import OpenObject
from assay_webhooks.notification.event import (
    make_event,
    malformed,
    open_notification,
    parse_moment,
    parse_seconds,
    require_few,
)

_OWN = {"PUSH_ARTIFACT": Action.PUSH, "CREATE_TAG": Action.PUSH, "DELETE_ARTIFACT": Action.DELETE}
_CLOUD = {
    "harbor.artifact.pushed": Action.PUSH,
    "harbor.tag.created": Action.PUSH,
    "harbor.artifact.deleted": Action.DELETE,
}


def parse_harbor(source: NotificationSource, octets: bytes) -> Delivery:
    """Parse a notification in Harbor's own form.

    Pushes and deletions of artefacts and new tags count; every other type (pulls, scans, quotas, replication) is
    ignored. Raises what `open_notification` and `make_event` raise.
    """
    document = open_notification(octets)
    action = _OWN.get(document.text("type"))
    if action is None:
        return Delivery(ignored=1)
    return _deliver(source, action, document.section("event_data"), parse_seconds(document.value("occur_at")))


def parse_harbor_cloud_event(source: NotificationSource, octets: bytes) -> Delivery:
    """Parse a notification as a CloudEvent; what counts is the same."""
    document = open_notification(octets)
    if document.text("specversion") != "1.0":
        raise malformed("it is no CloudEvent of version 1.0")
    action = _CLOUD.get(document.text("type"))
    if action is None:
        return Delivery(ignored=1)
    return _deliver(source, action, document.section("data"), parse_moment(document.text("time")))


def _deliver(source: NotificationSource, action: Action, content: OpenObject, at: datetime) -> Delivery:
    path = content.section("repository").text("repo_full_name")
    resources = content.sections("resources")
    require_few(len(resources))
    return Delivery(events=tuple(_event(source, action, path, resource, at) for resource in resources))


def _event(source: NotificationSource, action: Action, path: str, resource: OpenObject, at: datetime) -> RegistryEvent:
    digest, tag = resource.text("digest", ""), resource.text("tag", "")
    # An artefact without a tag has its digest in this place.
    return make_event(source, action, path, tag="" if tag == digest else tag, digest=digest, at=at)
