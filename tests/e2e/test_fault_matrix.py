"""Real processes and a real disk fail, and every door is asked: nothing is allowed that is not proven and logged.

What was answered before needs nobody but the log, and is answered in the loop of the webhook while all else fails.
"""

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
import requests

from assay.adapters.log.state import StateFolder
from assay.adapters.service.client import HttpServiceClient
from assay.domain.artefact import Artefact
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.gate import FromRegistry, GateQuestion
from assay.domain.reference import Repository
from assay_misuse.policy import TENANT, Policy
from assay_misuse.workload import NAMESPACE
from demo.admission import review_of_pod, send_review
from demo.stack import Stack
from tests.e2e.load import find_damage
from tests.e2e.own_mounts import OWN_MOUNTS, read_only
from tests.e2e.process_tree import stands_still
from tests.e2e.provider_client import GATEKEEPER, ask_provider, provider_settings
from tests.fakes.client_certificate import ClientAuthority
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import deadline
from tests.fixtures.suite_stacks import PATH, publish, start_suite_stack

SECONDS = 3
OUTER = 10.0
DOORS = ("gate", "mutate", "validate", "provider")
LIMITS = f"limits: {{decision_seconds: {SECONDS}}}\n"
CLIENT, CLIENT_KEY = "gatekeeper.crt", "gatekeeper.key"
READ_ONLY = "attempt to write a readonly database"
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a door answered: whether it allows, the decision it names, and after how long."""

    allowed: bool
    decision: str
    seconds: float


def ask(stack: Stack, door: str, digest: Digest) -> Reply:
    """Ask a door about an image."""
    begun = time.monotonic()
    if door == "gate":
        allowed, decision = ask_gate(stack, digest)
    elif door == "provider":
        allowed, decision = ask_gatekeepers(stack, digest)
    else:
        review = review_of_pod(f"{stack.registry.host}/{PATH}@{digest}")
        review["request"]["namespace"] = NAMESPACE
        response = send_review(stack, door, review, timeout=f"{SECONDS}s")
        allowed, decision = response["allowed"], response["auditAnnotations"].get("decision", "")
    return Reply(allowed=allowed, decision=decision, seconds=time.monotonic() - begun)


def ask_gate(stack: Stack, digest: Digest) -> tuple[bool, str]:
    artefact = Artefact(repository=Repository(registry=stack.registry.host, path=PATH), digest=digest)
    question = GateQuestion(artefact=artefact, environment=Policy.STANDARD.value, evidence=FromRegistry())
    client = HttpServiceClient(stack.service_url)
    try:
        answer = client.ask(question, deadline())
    except Unavailable:
        return False, ""
    finally:
        client.close()
    return answer.verdict is Verdict.ALLOW, answer.decision_id


def ask_gatekeepers(stack: Stack, digest: Digest) -> tuple[bool, str]:
    key, client = f"{stack.registry.host}/{PATH}@{digest}", (stack.folder / CLIENT, stack.folder / CLIENT_KEY)
    items = ask_provider(stack, "validate", key, client=client)["items"]
    value = items[0].get("value", {}) if items else {}
    return value.get("allow") is True, value.get("decision_id", "")


def await_allow(stack: Stack, door: str, digest: Digest) -> Reply:
    """Ask until it is allowed: the parts that failed need a moment, and a busy machine more than one."""

    def look() -> Reply | None:
        reply = ask(stack, door, digest)
        return reply if reply.allowed else None

    return eventually(look, f"an allow at {door}")


def check(stack: Stack, reply: Reply) -> None:
    """It came in time, and what was decided is in the log."""
    assert reply.seconds < SECONDS + OUTER
    assert reply.decision or not reply.allowed
    if reply.decision:
        record = requests.get(f"{stack.service_url}/v1/decisions/{reply.decision}", timeout=20).json()
        assert (record["verdict"] == "allow") is reply.allowed


def is_ready(stack: Stack) -> bool:
    try:
        return requests.get(f"{stack.service_url}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


@contextmanager
def full_disk(stack: Stack) -> Iterator[None]:
    """The sequencer can write no file any further: to a database that is what a full disk is."""
    pid = stack.child("sequencer")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)


@contextmanager
def locked_database(stack: Stack) -> Iterator[None]:
    """Another process holds the database: SQLite says that it is busy."""
    held = sqlite3.connect(StateFolder(folder=stack.state).database, isolation_level=None)
    try:
        held.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        held.close()


@contextmanager
def read_only_database(stack: Stack) -> Iterator[None]:
    """The database is on a mount that can only be read: SQLite says so to a sequencer that begins.

    One that has the file open does not notice such a mount; it is killed.
    """
    assert stack.supervisor is not None
    log = stack.state / "logs" / "sequencer.log"
    before = log.read_text().count(READ_ONLY)
    with read_only(StateFolder(folder=stack.state).database, stack.supervisor.pid):
        os.kill(stack.child("sequencer"), signal.SIGKILL)
        eventually(lambda: log.read_text().count(READ_ONLY) > before, "a refused write")
        yield


@contextmanager
def killed_registry(stack: Stack) -> Iterator[None]:
    assert stack.registry.process is not None
    stack.registry.process.kill()
    stack.registry.process.wait()
    try:
        yield
    finally:
        stack.registry.start()


def standing_registry(stack: Stack) -> AbstractContextManager[None]:
    assert stack.registry.process is not None
    return stands_still(stack.registry.process.pid)


FAULTS: dict[str, Callable[[Stack], AbstractContextManager[None]]] = {
    "the registry is killed": killed_registry,
    "the registry stands still": standing_registry,
    "OPA stands still": lambda stack: stands_still(stack.child("opa")),
    "the sequencer stands still": lambda stack: stands_still(stack.child("sequencer")),
    "the disk is full": full_disk,
    "the database is locked": locked_database,
    "the database can only be read": read_only_database,
}
NOT_NEEDED = {"the registry is killed", "the registry stands still", "OPA stands still"}
"""What fails and is not asked for an answer that was given before."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, which repairs itself; its one worker of the webhook answers again what it answered."""
    folder = tmp_path_factory.mktemp("faulty") / "stack"
    folder.mkdir()
    authority = ClientAuthority(folder=folder)
    authority.write_ca()
    for issued, name in zip(authority.issue(GATEKEEPER), (CLIENT, CLIENT_KEY), strict=True):
        issued.rename(folder / name)
    settings = LIMITS + provider_settings(TENANT, Policy.STANDARD)
    made = start_suite_stack(folder, settings=settings, workers=1, started_by=OWN_MOUNTS)
    yield made
    made.stop()


@pytest.mark.parametrize("fault", FAULTS)
def test_no_door_allows_while_a_part_fails_and_every_door_does_afterwards(stack: Stack, fault: str) -> None:
    eventually(lambda: is_ready(stack), "a stack that is ready")
    image, warm = (publish(stack, f"{fault}, {name}", signed=True) for name in ("new", "known"))
    replies = [await_allow(stack, "validate", warm) for _ in range(2)]
    with FAULTS[fault](stack):
        known = ask(stack, "validate", warm)
        refused = [ask(stack, door, image) for door in DOORS]
    assert known.allowed is (fault in NOT_NEEDED)
    assert [reply.allowed for reply in refused] == [False] * len(DOORS)
    eventually(lambda: is_ready(stack), "a stack that is ready again")
    replies += [known, *refused, *(await_allow(stack, door, image) for door in DOORS)]
    for reply in replies:
        check(stack, reply)


def test_a_killed_engine_allows_nothing_that_is_not_signed(stack: Stack) -> None:
    for door in DOORS:
        eventually(lambda: is_ready(stack), "a stack that is ready")
        good = publish(stack, f"for {door}", signed=True)
        bad = publish(stack, f"unsigned, for {door}", signed=False)
        os.kill(stack.child("opa"), signal.SIGKILL)
        check(stack, ask(stack, door, good))
        assert not ask(stack, door, bad).allowed
        check(stack, await_allow(stack, door, good))
        assert not ask(stack, door, bad).allowed


def test_the_log_is_whole_after_all_of_it(stack: Stack) -> None:
    eventually(lambda: is_ready(stack), "a stack that is ready")
    client = HttpServiceClient(stack.service_url)
    try:
        assert find_damage(client) == []
    finally:
        client.close()
