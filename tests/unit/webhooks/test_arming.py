"""Disarming and arming a webhook configuration."""

import json
from typing import Any, cast

import pytest

from assay.domain.arming import Action, Change
from assay.domain.errors import ConfigError
from assay_webhooks.arming import ARMED, HISTORY, arm, disarm, is_armed
from assay_webhooks.manifest import make_manifest
from assay_webhooks.registration import Document, ServiceAddress
from tests.fakes.certificate import NOW
from tests.fakes.webhook_manifest import BUNDLE, GUARD, change

DISARMED, ARMING = change(), change(Action.ARM, by="bob", reason="it starts again")


@pytest.fixture
def mutating() -> Document:
    address = ServiceAddress(namespace="assay", name="webhook")
    return make_manifest(GUARD, address, BUNDLE, disarmed=None, static_policy=False)[0]


def annotations(document: Document) -> dict[str, str]:
    return cast("dict[str, str]", cast("dict[str, Any]", document)["metadata"].get("annotations", {}))


def disarmed(document: Document) -> Document:
    changed = disarm(document, DISARMED)
    assert changed is not None
    return changed


def test_a_disarmed_webhook_asks_about_nothing_and_blocks_nothing(mutating: Document) -> None:
    (webhook,) = cast("dict[str, Any]", disarmed(mutating))["webhooks"]
    assert (webhook["failurePolicy"], webhook["rules"]) == ("Ignore", [])
    assert is_armed(mutating)
    assert not is_armed(disarmed(mutating))


def test_arming_restores_everything_but_what_changed_meanwhile(mutating: Document) -> None:
    changed = cast("dict[str, Any]", disarmed(mutating))
    changed["webhooks"][0]["clientConfig"] = {"caBundle": "new"}
    armed = cast("dict[str, Any]", arm(changed, ARMING))
    before = cast("dict[str, Any]", mutating)["webhooks"][0]
    assert armed["webhooks"] == [{**before, "clientConfig": {"caBundle": "new"}}]
    assert is_armed(armed)
    assert ARMED not in annotations(armed)


def test_the_record_says_who_did_what_when_and_why(mutating: Document) -> None:
    armed = arm(disarmed(mutating), ARMING)
    assert armed is not None
    assert json.loads(annotations(armed)[HISTORY]) == [
        {"action": "disarm", "by": "alice", "at": NOW.isoformat(), "reason": "the webhook does not start"},
        {"action": "arm", "by": "bob", "at": NOW.isoformat(), "reason": "it starts again"},
    ]
    assert annotations(armed)["assay.dev/configuration"] == str(GUARD.configuration)


def test_what_is_done_already_changes_nothing(mutating: Document) -> None:
    assert disarm(disarmed(mutating), DISARMED) is None
    assert arm(mutating, ARMING) is None


def test_a_manifest_that_was_applied_over_a_way_out_counts_and_can_be_disarmed_again(mutating: Document) -> None:
    applied = cast("dict[str, Any]", disarmed(mutating))
    rules = [{"resources": ["pods"]}]
    applied["webhooks"] = [{**cast("dict[str, Any]", mutating)["webhooks"][0], "rules": rules}]
    again = disarm(applied, DISARMED)
    assert again is not None
    assert not is_armed(again)
    armed = arm(again, ARMING)
    assert armed is not None
    assert cast("dict[str, Any]", armed)["webhooks"][0]["rules"] == rules
    kept = arm(applied, ARMING)
    assert kept is not None
    assert cast("dict[str, Any]", kept)["webhooks"][0]["rules"] == rules
    assert ARMED not in annotations(kept)


def test_a_webhook_that_is_disarmed_beside_one_that_is_not_keeps_what_arming_restores(mutating: Document) -> None:
    half = cast("dict[str, Any]", disarmed(mutating))
    other = {**cast("dict[str, Any]", mutating)["webhooks"][0], "name": "other.assay.dev"}
    half["webhooks"].append(other)
    again = disarm(half, DISARMED)
    assert again is not None
    armed = arm(again, ARMING)
    assert armed is not None
    assert is_armed(armed)


def test_the_record_is_bounded_and_survives_garbage(mutating: Document) -> None:
    document = mutating
    for _ in range(30):
        document = arm(disarmed(document), ARMING) or document
    assert len(json.loads(annotations(document)[HISTORY])) == 50
    annotations(document)[HISTORY] = "garbage"
    assert len(json.loads(annotations(disarmed(document))[HISTORY])) == 1
    annotations(document)[HISTORY] = "{}"
    assert len(json.loads(annotations(disarmed(document))[HISTORY])) == 1


@pytest.mark.parametrize(
    "kept",
    [
        "garbage",
        "[]",
        "{}",
        '{"mutate.assay.dev": 1}',
        '{"mutate.assay.dev": {"failurePolicy": "Ignore", "rules": [{}]}}',
        '{"mutate.assay.dev": {"failurePolicy": "Fail", "rules": []}}',
        '{"mutate.assay.dev": {"failurePolicy": "Fail", "rules": {}}}',
        '{"mutate.assay.dev": {"failurePolicy": "Fail", "rules": [{}], "url": "https://evil.test"}}',
        '{"another.assay.dev": {"failurePolicy": "Fail", "rules": [{}]}}',
    ],
)
def test_arming_restores_nothing_weaker_and_nothing_else(mutating: Document, kept: str) -> None:
    changed = disarmed(mutating)
    annotations(changed)[ARMED] = kept
    with pytest.raises(ConfigError) as caught:
        arm(changed, ARMING)
    assert caught.value.code == "arming_unknown"


@pytest.mark.parametrize("document", [{}, {"webhooks": 1}, {"webhooks": [{}]}, {"metadata": 1, "webhooks": None}])
def test_what_is_no_webhook_configuration_is_refused(document: Document) -> None:
    with pytest.raises(ConfigError) as caught:
        disarm(document, DISARMED)
    assert caught.value.code == "arming_unknown"


@pytest.mark.parametrize("reason", ["", " ", "two\nlines", "x" * 501])
def test_a_reason_is_one_line(reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Change(action=Action.DISARM, by="alice", at=NOW, reason=reason)
    assert caught.value.code == "reason_invalid"
