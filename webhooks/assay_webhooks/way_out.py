"""Disarming and arming the webhook in a cluster, with the rights of whoever does it and without any Pod of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from assay.domain.arming import Action, Change
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, Unavailable
from assay.ports import ClusterObjects
from assay_webhooks.arming import arm, disarm, is_armed
from assay_webhooks.registration import NAME

_API = "/apis/admissionregistration.k8s.io/v1"
# What denies goes first and comes back last: nothing is refused for a digest that nobody wrote.
CONFIGURATION_PATHS = (
    f"{_API}/validatingwebhookconfigurations/{NAME}",
    f"{_API}/mutatingwebhookconfigurations/{NAME}",
)
_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Which configurations were changed; `by` is the user as the API server knows them."""

    by: str
    changed: tuple[str, ...]


def take_way_out(objects: ClusterObjects, action: Action, *, reason: str, now: datetime, deadline: Deadline) -> Outcome:
    """Disarm or arm both webhook configurations, and look at the result; what was done already is not done again.

    Raises `ConfigError`: `webhook_not_registered`, `arming_unknown`, `reason_invalid`; `Unavailable`:
    `cluster_unavailable`, `cluster_conflict`, `arming_undone` when somebody else undid it at once.
    """
    change = Change(action=action, by=_who(objects, deadline), at=now, reason=reason)
    paths = CONFIGURATION_PATHS if action is Action.DISARM else tuple(reversed(CONFIGURATION_PATHS))
    changed = tuple(
        path.rpartition("/")[0].rpartition("/")[2] for path in paths if _take(objects, path, change, deadline)
    )
    for path in paths:
        if is_armed(_fetch(objects, path, deadline)) is not (action is Action.ARM):
            raise Unavailable(
                "arming_undone",
                f"{path} is not as it was left: somebody, or a tool that keeps manifests applied, undid it",
                remedy="pause what applies the manifest, then repeat",
            )
    return Outcome(by=change.by, changed=changed)


def _take(objects: ClusterObjects, path: str, change: Change, deadline: Deadline) -> bool:
    document = _fetch(objects, path, deadline)
    changed = disarm(document, change) if change.action is Action.DISARM else arm(document, change)
    if changed is None:
        return False
    objects.replace(path, changed, deadline)
    return True


def _fetch(objects: ClusterObjects, path: str, deadline: Deadline) -> dict[str, object]:
    document = objects.get(path, deadline)
    if document is None:
        raise ConfigError(
            "webhook_not_registered", f"there is no {path}", remedy="apply what `assay webhook manifest` prints"
        )
    return document


def _who(objects: ClusterObjects, deadline: Deadline) -> str:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    status = objects.create(_REVIEWS, review, deadline).get("status")
    user = status.get("userInfo") if isinstance(status, Mapping) else None
    name = user.get("username") if isinstance(user, Mapping) else None
    return name if isinstance(name, str) else "unknown"
