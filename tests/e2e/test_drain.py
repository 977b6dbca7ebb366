"""The end of everything at once, SIGTERM to `assay serve`, while an API server keeps sending reviews."""

import http.client
import json
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from demo.admission import review_of_pod
from demo.stack import Stack
from tests.fixtures.polling import SECONDS, eventually
from tests.fixtures.stacks import MakeSpare, Spare, workbench
from tests.fixtures.standing_still import somebody_waits_for, standing_still

pytestmark = pytest.mark.tools

CLIENTS = 4


@pytest.fixture
def spare(make_spare: MakeSpare) -> Spare:
    made = make_spare()
    made.stack.lame_duck_seconds = 10
    made.stack.start()
    return made


def connect(stack: Stack) -> http.client.HTTPSConnection:
    """A connection that stays open for as many reviews as the webhook answers on it."""
    address = urlsplit(stack.webhook_url)
    context = ssl.create_default_context(cafile=str(stack.ca))
    return http.client.HTTPSConnection(address.hostname or "", address.port, timeout=SECONDS, context=context)


def ask(client: http.client.HTTPSConnection, image: str) -> dict[str, Any]:
    """The response to one review."""
    body = json.dumps(review_of_pod(image))
    client.request("POST", "/mutate?timeout=30s", body, {"Content-Type": "application/json"})
    answer = client.getresponse()
    response: dict[str, Any] = json.loads(answer.read())["response"]
    return response


@dataclass
class Load:
    """Clients that keep a connection each, open another when an answer closes it, and go elsewhere at the end."""

    spare: Spare
    answers: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    told: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        client = connect(self.spare.stack)
        try:
            while client.sock is not None or not self.told.is_set():
                self.answers.append(ask(client, self.spare.released.tagged))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.failures.append(repr(error))
        finally:
            client.close()

    def await_more(self) -> None:
        seen = len(self.answers)
        eventually(lambda: self.failures or len(self.answers) >= seen + 5 * CLIENTS, "reviews that are answered")
        assert self.failures == []


@contextmanager
def load(spare: Spare) -> Iterator[Load]:
    running = Load(spare)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(running.run) for _ in range(CLIENTS)]
        try:
            running.await_more()
            yield running
        finally:
            running.told.set()
    for client in clients:
        client.result()


def end(stack: Stack) -> "subprocess.Popen[bytes]":
    """Tell the supervisor to end; the process it is."""
    assert stack.supervisor is not None
    stack.supervisor.send_signal(signal.SIGTERM)
    return stack.supervisor


def test_no_review_fails_while_everything_is_told_to_end(spare: Spare) -> None:
    with load(spare) as running:
        supervisor = end(spare.stack)
        running.told.set()
        seen = len(running.answers)
        assert supervisor.wait(SECONDS) == 0
    assert running.failures == []
    assert len(running.answers) > seen
    assert all(answer["allowed"] for answer in running.answers)


def test_a_review_that_waits_for_a_registry_is_decided_and_recorded_at_the_end(spare: Spare) -> None:
    with workbench(spare.stack, spare.released) as bench:
        image = f"{spare.released.repository}@{bench.push_variant('in flight').digest}"
    client = connect(spare.stack)
    assert ask(client, spare.released.tagged)["allowed"]
    with ThreadPoolExecutor(1) as pool:
        with standing_still(spare.stack) as port:
            asked = pool.submit(ask, client, image)
            eventually(lambda: somebody_waits_for(port), "a review that waits for the registry")
            supervisor = end(spare.stack)
        response = asked.result()
    client.close()
    assert response["auditAnnotations"]["reason"] == "unsigned"
    assert response["auditAnnotations"]["decision"]
    assert supervisor.wait(SECONDS) == 0
