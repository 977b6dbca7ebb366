"""What a webhook is registered from."""

from datetime import timedelta

from assay.domain.arming import Action, Change
from assay.domain.digest import Digest
from assay_webhooks.certificate import issue_serving_certificate
from assay_webhooks.manifest import Guard
from assay_webhooks.static_policy import AllowedRegistries
from tests.fakes.certificate import NOW

BUNDLE = issue_serving_certificate(["webhook.assay.svc"], NOW, timedelta(days=90)).ca_pem
GUARD = Guard(
    configuration=Digest.of(b"configuration"),
    allowed=(AllowedRegistries(prefixes=("registry.example",)),),
    timeout_seconds=10,
    exempt_namespace_creators="system:masters",
)


def change(action: Action = Action.DISARM, *, by: str = "alice", reason: str = "the webhook does not start") -> Change:
    """A change by somebody."""
    return Change(action=action, by=by, at=NOW, reason=reason)
