"""What real processes keep between requests, over a restart, and forget when they are told."""

import json
from typing import Any

import pytest

from demo.admission import review_of_pod, send_review
from demo.stack import Stack, run_assay
from tests.fixtures.stacks import MakeSpare, Spare


@pytest.fixture(scope="module")
def spare(make_spare: MakeSpare) -> Spare:
    made = make_spare()
    made.stack.start()
    return made


def kept(stack: Stack) -> list[dict[str, Any]]:
    """What `assay cache show` says."""
    shown = run_assay("cache", "show", "--config", str(stack.configuration), "--output", "json").stdout
    verdicts: list[dict[str, Any]] = json.loads(shown)["verdicts"]
    return verdicts


def test_a_verdict_outlives_the_processes_and_is_forgotten_when_they_are_told(spare: Spare) -> None:
    pinned = f"{spare.released.tagged}@{spare.released.digest}"
    assert send_review(spare.stack, "validate", review_of_pod(pinned))["allowed"]
    (before,) = kept(spare.stack)
    assert (before["digest"], before["verdict"]) == (spare.released.digest.text, "allow")

    spare.stack.stop_service()
    spare.stack.start_service()
    assert kept(spare.stack) == [before]
    assert send_review(spare.stack, "validate", review_of_pod(pinned))["allowed"]

    run_assay("cache", "clear", "--config", str(spare.stack.configuration))
    assert kept(spare.stack) == []
    assert send_review(spare.stack, "validate", review_of_pod(pinned))["allowed"]
    (after,) = kept(spare.stack)
    assert after["decided"] > before["decided"]
