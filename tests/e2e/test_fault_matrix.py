"""Real processes and a real disk fail, and every door is asked: nothing is allowed that is not proven and logged."""

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
import requests

from assay.adapters.log.state import StateFolder
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from demo.admission import review_of_pod, send_review
from demo.stack import Stack
from tests.e2e.load import check_log
from tests.e2e.process_tree import stands_still, wait_until
from tests.fixtures.stacks import MakeSpare, Spare, load_signer, workbench

SECONDS = 3
OUTER = 12.0
DOORS = ("gate", "mutate", "validate")
LIMITS = f"limits: {{decision_seconds: {SECONDS}}}\n"
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a door answered: whether it allows, the decision it names, and after how long."""

    allowed: bool
    decision: str
    seconds: float


def publish(spare: Spare, name: str) -> Digest:
    """A signed image that nobody asked about before: nothing of it is remembered anywhere."""
    signer = load_signer(spare.stack.folder / "keys")
    with workbench(spare.stack, spare.released) as bench:
        image = bench.push_variant(name)
        bench.sign(signer, image)
        bench.attest_all(signer, image)
        return image.digest


def ask(spare: Spare, door: str, digest: Digest) -> Reply:
    """Ask a door about an image."""
    begun = time.monotonic()
    if door == "gate":
        with workbench(spare.stack, spare.released) as bench:
            try:
                answer = bench.gate(digest)
            except Unavailable:
                return Reply(allowed=False, decision="", seconds=time.monotonic() - begun)
        allowed, decision = answer.verdict is Verdict.ALLOW, answer.decision_id
    else:
        review = review_of_pod(f"{spare.released.repository}@{digest}")
        response = send_review(spare.stack, door, review, timeout=f"{SECONDS}s")
        allowed, decision = response["allowed"], response["auditAnnotations"].get("decision", "")
    return Reply(allowed=allowed, decision=decision, seconds=time.monotonic() - begun)


def allows(spare: Spare, door: str, digest: Digest) -> bool:
    return ask(spare, door, digest).allowed


def check(spare: Spare, reply: Reply) -> None:
    """It came in time, and an allow is in the log as one."""
    assert reply.seconds < SECONDS + OUTER
    if reply.allowed:
        record = requests.get(f"{spare.stack.service_url}/v1/decisions/{reply.decision}", timeout=20).json()
        assert record["verdict"] == "allow"


@contextmanager
def full_disk(spare: Spare) -> Iterator[None]:
    """The sequencer can write no file any further: to a database that is what a full disk is."""
    pid = spare.stack.child("sequencer")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)


@contextmanager
def held_database(spare: Spare) -> Iterator[None]:
    """Another process holds the database: it can be read and not written."""
    held = sqlite3.connect(StateFolder(folder=spare.stack.state).database, isolation_level=None)
    try:
        held.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        held.close()


@contextmanager
def stopped_registry(spare: Spare) -> Iterator[None]:
    spare.stack.registry.stop()
    try:
        yield
    finally:
        spare.stack.registry.start()


def standing_registry(spare: Spare) -> AbstractContextManager[None]:
    assert spare.stack.registry.process is not None
    return stands_still(spare.stack.registry.process.pid)


FAULTS: dict[str, Callable[[Spare], AbstractContextManager[None]]] = {
    "the registry is gone": stopped_registry,
    "the registry stands still": standing_registry,
    "OPA stands still": lambda spare: stands_still(spare.stack.child("opa")),
    "the sequencer stands still": lambda spare: stands_still(spare.stack.child("sequencer")),
    "the disk is full": full_disk,
    "the database can only be read": held_database,
}


def is_ready(stack: Stack) -> bool:
    try:
        return requests.get(f"{stack.service_url}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def spare(make_spare: MakeSpare) -> Spare:
    made = make_spare(settings=LIMITS)
    made.stack.start()
    return made


@pytest.mark.parametrize("fault", FAULTS)
def test_no_door_allows_while_a_part_fails_and_every_door_does_afterwards(spare: Spare, fault: str) -> None:
    wait_until(lambda: is_ready(spare.stack), "a stack that is ready")
    image = publish(spare, fault)
    with FAULTS[fault](spare):
        replies = [ask(spare, door, image) for door in DOORS]
    assert [reply.allowed for reply in replies] == [False] * len(DOORS)
    wait_until(lambda: is_ready(spare.stack), "a stack that is ready again", patience=30)
    for door in DOORS:
        wait_until(partial(allows, spare, door, image), f"{door} to allow again", patience=30)
        replies.append(ask(spare, door, image))
        assert replies[-1].allowed
    for reply in replies:
        check(spare, reply)


def test_a_killed_engine_allows_nothing_that_is_not_signed(spare: Spare) -> None:
    for door in DOORS:
        wait_until(lambda: is_ready(spare.stack), "a stack that is ready")
        good = publish(spare, f"signed for {door}")
        with workbench(spare.stack, spare.released) as bench:
            bad = bench.push_variant(f"unsigned for {door}").digest
        os.kill(spare.stack.child("opa"), signal.SIGKILL)
        check(spare, ask(spare, door, good))
        assert not ask(spare, door, bad).allowed
        wait_until(partial(allows, spare, door, good), f"{door} to allow again", patience=30)
        assert not ask(spare, door, bad).allowed


def test_the_log_is_whole_after_all_of_it(spare: Spare) -> None:
    wait_until(lambda: is_ready(spare.stack), "a stack that is ready")
    with workbench(spare.stack, spare.released) as bench:
        check_log(spare.stack, [bench.gate(spare.released.digest)])
