"""A change of the webhook's arming in the log."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assay.domain.arming import Action, Change
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.ulid import is_ulid
from assay.usecases.record_arming import record_arming
from tests.fakes.certificate import NOW
from tests.fakes.engine import World
from tests.fakes.sequencer import open_archive, running

CHANGE = Change(action=Action.DISARM, by="alice", at=NOW, reason="it hangs")
SCOPES = [("demo", "prod"), ("demo", "test")]


def test_each_tenant_and_environment_sees_who_did_it_and_why() -> None:
    world = World()
    record_arming(world.engine(), CHANGE, SCOPES, world.deadline())
    assert [(each.tenant, each.environment) for each in world.log.decisions] == SCOPES
    decision = world.log.decisions[0]
    assert (decision.kind, decision.verdict, decision.time) == (DecisionKind.ARMING, Verdict.INDETERMINATE, NOW)
    assert is_ulid(decision.id)
    (finding,) = decision.findings
    assert (finding.code, finding.msg) == ("webhook_disarmed", "it hangs")
    assert json.loads(decision.document.content())["request"]["by"] == "alice"


def test_arming_has_a_finding_of_its_own() -> None:
    world = World()
    record_arming(world.engine(), replace(CHANGE, action=Action.ARM), SCOPES[:1], world.deadline())
    assert [finding.code for finding in world.log.decisions[0].findings] == ["webhook_armed"]


def test_a_change_is_in_the_log_once_whoever_records_it_and_under_whatever_policy(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with running(tmp_path) as client:
        world = World()
        engine = replace(world.engine(), log=client)
        for _ in range(2):
            record_arming(engine, CHANGE, SCOPES, world.deadline())
        world.policy.policy = replace(world.policy.policy, bundle=Digest.of(b"a later policy"))
        record_arming(replace(world.engine(), log=client), CHANGE, SCOPES, world.deadline())
        other = replace(CHANGE, reason="it hangs again")
        record_arming(engine, other, SCOPES, world.deadline())
        size = client.ping(world.deadline())
    assert size == 4  # each change once for both environments
    assert open_archive(tmp_path)


def test_a_log_that_refuses_is_no_success() -> None:
    world = World()
    world.log.error = InvalidInput("leaf_too_large", "too much", remedy="less")
    with pytest.raises(InvalidInput) as caught:
        record_arming(world.engine(), CHANGE, SCOPES, world.deadline())
    assert caught.value.code == "leaf_too_large"
