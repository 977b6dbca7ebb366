"""Taking the webhook out of the API server's way, and putting it back.

A disarmed configuration is still there: it asks about nothing and lets pass what it cannot ask about. What arming
restores stands beside it in an annotation, and so does who did what, when and why.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from assay.domain.arming import Action, Change
from assay.domain.errors import ConfigError
from assay_webhooks.registration import Document

ARMED = "assay.dev/armed"
HISTORY = "assay.dev/history"
_MOST_RECORDS = 50


def disarm(document: Document, change: Change) -> Document | None:
    """The configuration of a webhook without rules and with `Ignore`; None when it is disarmed already.

    What the webhooks do counts, not what the annotation says: a manifest may have been applied over it since.
    """
    webhooks, annotations = _webhooks(document), _annotations(document)
    if ARMED in annotations and not any(each.get("rules") for each in webhooks):
        return None
    before = _parse_kept(annotations[ARMED]) if ARMED in annotations else {}
    kept = {
        name: _kept(each) if each.get("rules") else before.get(name, _kept(each))
        for name, each in ((str(each["name"]), each) for each in webhooks)
    }
    changed = [{**each, "failurePolicy": "Ignore", "rules": []} for each in webhooks]
    return _with(document, changed, {ARMED: json.dumps(kept), HISTORY: _history(document, change)})


def arm(document: Document, change: Change) -> Document | None:
    """The configuration as it was before it was disarmed; None when it is armed already.

    Everything else, such as a CA bundle that changed meanwhile, stays. Raises `ConfigError(arming_unknown)` when what
    was disarmed is not what is there now.
    """
    annotations = _annotations(document)
    if ARMED not in annotations:
        return None
    kept = _parse_kept(annotations[ARMED])
    webhooks = _webhooks(document)
    if {str(each["name"]) for each in webhooks} != set(kept):
        raise _unknown("its webhooks are not those that were disarmed")
    changed = [each if _is_armed(each) else {**each, **kept[str(each["name"])]} for each in webhooks]
    return _with(document, changed, {ARMED: None, HISTORY: _history(document, change)})


def is_armed(document: Document) -> bool:
    """Whether every webhook of the configuration fails closed and has rules."""
    return all(map(_is_armed, _webhooks(document)))


def _is_armed(webhook: Document) -> bool:
    return webhook.get("failurePolicy") == "Fail" and bool(webhook.get("rules"))


def _kept(webhook: Document) -> Document:
    return {key: webhook.get(key) for key in ("failurePolicy", "rules")}


def parse_history(document: Document) -> tuple[Change, ...]:
    """The changes that a configuration remembers; raises `ConfigError(arming_unknown)` for a record that is none."""
    try:
        records = json.loads(_annotations(document).get(HISTORY, "[]"))
        return tuple(_parse_change(record) for record in records[-_MOST_RECORDS:])
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise _unknown("its record was changed by somebody else") from error


def _parse_change(record: Mapping[str, object]) -> Change:
    return Change(
        action=Action(str(record["action"])),
        by=str(record["by"]),
        at=datetime.fromisoformat(str(record["at"])),
        reason=str(record["reason"]),
    )


def _with(document: Document, webhooks: list[Document], annotations: Mapping[str, str | None]) -> Document:
    merged = {**_annotations(document), **annotations}
    metadata = {**_metadata(document), "annotations": {key: text for key, text in merged.items() if text is not None}}
    return {**document, "metadata": metadata, "webhooks": webhooks}


def _history(document: Document, change: Change) -> str:
    try:
        records = json.loads(_annotations(document).get(HISTORY, "[]"))
    except ValueError:
        records = []
    record = {
        "action": change.action.value,
        "by": change.by,
        "at": change.at.isoformat(),
        "reason": change.reason,
    }
    return json.dumps([*(records if isinstance(records, list) else []), record][-_MOST_RECORDS:])


def _parse_kept(text: str) -> dict[str, Document]:
    try:
        kept = json.loads(text)
    except ValueError as error:
        raise _unknown("its annotation is no JSON") from error
    if not isinstance(kept, dict) or not all(_restores(value) for value in kept.values()):
        raise _unknown("its annotation does not say what to restore")
    return kept


def _restores(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"failurePolicy", "rules"}
        and value["failurePolicy"] == "Fail"
        and isinstance(value["rules"], list)
        and bool(value["rules"])
    )


def _webhooks(document: Document) -> list[Document]:
    webhooks = document.get("webhooks")
    if not isinstance(webhooks, list) or not all(isinstance(each, dict) and "name" in each for each in webhooks):
        raise _unknown("it has no list of webhooks")
    return webhooks


def _metadata(document: Document) -> Document:
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _annotations(document: Document) -> dict[str, str]:
    annotations = _metadata(document).get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def _unknown(why: str) -> ConfigError:
    return ConfigError(
        "arming_unknown",
        f"the configuration cannot be armed as it was: {why}",
        remedy="apply what `assay webhook manifest` prints",
    )
