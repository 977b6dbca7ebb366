"""Notifications of Amazon ECR, which come through an API destination of EventBridge.

Source: "Amazon ECR events and EventBridge", https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html:
`detail-type` is `ECR Image Action`, `detail` has `result`, `action-type`, `repository-name`, `image-digest` and
`image-tag`; the registry follows from `account` and `region`.
"""

from assay.domain.notification import Action, Delivery, NotificationSource
from assay_webhooks.notification.event import make_event, open_notification, parse_moment

_IMAGE_ACTION = "ECR Image Action"
_ACTIONS = {"PUSH": Action.PUSH, "DELETE": Action.DELETE}


def parse_eventbridge(source: NotificationSource, octets: bytes) -> Delivery:
    """Parse one event.

    Pushes and deletions that succeeded in the source's registry count; those of other accounts, regions or services,
    and other actions, are ignored. Raises what `open_notification` and `make_event` raise.
    """
    document = open_notification(octets)
    if (document.text("source"), document.text("detail-type")) != ("aws.ecr", _IMAGE_ACTION):
        return Delivery(ignored=1)
    detail = document.section("detail")
    action = _ACTIONS.get(detail.text("action-type"))
    host = f"{document.text('account')}.dkr.ecr.{document.text('region')}."
    if action is None or detail.text("result") != "SUCCESS" or not source.registry.startswith(host):
        return Delivery(ignored=1)
    event = make_event(
        source,
        action,
        detail.text("repository-name"),
        tag=detail.text("image-tag", ""),
        digest=detail.text("image-digest", ""),
        at=parse_moment(document.text("time")),
    )
    return Delivery(events=(event,))
