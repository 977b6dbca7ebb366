"""What the running processes say about themselves, where they listen, and what they leave on disk."""

import itertools
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.stack import Stack
from tests.e2e.process_tree import children, descendants, stands_still
from tests.fixtures.kubernetes import IDLE_MARGIN_SECONDS, IDLE_SECONDS
from tests.fixtures.polling import eventually
from tests.fixtures.stacks import MakeSpare, Released, Spare, workbench

TOKEN = "a-token-that-nobody-may-read-again"
SAMPLE = re.compile(
    r'^assay_decisions_total\{kind="gate",verdict="(?P<verdict>\w+)"\} (?P<count>[0-9.]+)$', re.MULTILINE
)
CALLS = 24


@pytest.fixture(scope="module")
def spare(make_spare: MakeSpare) -> Spare:
    """A stack of its own whose counters and logs no other test writes."""
    made = make_spare()
    made.stack.start()
    return made


def readiness(stack: Stack) -> tuple[int, dict[str, Any]]:
    answer = requests.get(f"{stack.service_url}/readyz", timeout=10)
    return answer.status_code, answer.json()


def webhook_readiness(stack: Stack) -> tuple[int, dict[str, Any]]:
    answer = requests.get(f"{stack.webhook_url}/readyz", timeout=10, verify=str(stack.ca))
    return answer.status_code, answer.json()


def counted(stack: Stack) -> dict[str, float]:
    text = requests.get(f"{stack.service_url}/metrics", timeout=10).text
    return {found["verdict"]: float(found["count"]) for found in SAMPLE.finditer(text)}


def test_readiness_names_every_part_and_none_that_fails(spare: Spare) -> None:
    status, body = readiness(spare.stack)
    assert (status, body["failing"]) == (200, {})
    assert body["parts"] == ["database", "opa", "policy", "trust"]


@pytest.mark.parametrize(("process", "part"), [("opa", "opa"), ("sequencer", "database")])
def test_readiness_names_the_part_that_stands_still(spare: Spare, process: str, part: str) -> None:
    with stands_still(spare.stack.child(process)):
        status, body = readiness(spare.stack)
        webhook_status, webhook_body = webhook_readiness(spare.stack)
    assert (status, list(body["failing"])) == (503, [part])
    assert (webhook_status, webhook_body["failing"]) == (503, [part])
    assert requests.get(f"{spare.stack.service_url}/healthz", timeout=5).ok
    eventually(lambda: readiness(spare.stack)[0] == 200, "readiness")


def test_counts_of_two_workers_add_up(spare: Spare) -> None:
    before = counted(spare.stack)
    with workbench(spare.stack, spare.released) as bench:
        unsigned = bench.push_variant("counted")

    def ask(number: int) -> str:
        with workbench(spare.stack, spare.released) as own:
            return own.gate(unsigned.digest if number % 3 == 0 else spare.released.digest).verdict.value

    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(ask, range(CALLS)))
    after = counted(spare.stack)
    assert {name: after[name] - before.get(name, 0) for name in after} == {
        name: verdicts.count(name) for name in set(verdicts)
    }
    assert len(list(children(spare.stack.child("service")))) == 2


def test_counts_survive_a_worker(spare: Spare) -> None:
    with workbench(spare.stack, spare.released) as bench:
        bench.gate(spare.released.digest)
    before = counted(spare.stack)
    for worker in list(children(spare.stack.child("service"))):
        os.kill(worker, signal.SIGTERM)
    with workbench(spare.stack, spare.released) as bench:
        bench.gate(spare.released.digest)
    assert counted(spare.stack)["allow"] == before["allow"] + 1


@pytest.mark.parametrize("name", ["service", "webhook"])
def test_a_running_server_keeps_an_idle_connection_longer_than_the_api_server(spare: Spare, name: str) -> None:
    command = Path(f"/proc/{spare.stack.child(name)}/cmdline").read_text().split("\0")
    assert int(dict(itertools.pairwise(command))["--keep-alive"]) >= IDLE_SECONDS + IDLE_MARGIN_SECONDS


def sockets_of(pid: int) -> Iterator[str]:
    """The inodes of a process's sockets; a process that ends, or closes one, meanwhile has fewer."""
    with suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if match := re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink())):
                    yield match[1]


def listening(pids: set[int]) -> set[str]:
    """Addresses that these processes listen on, as the kernel has them (`/proc/net/tcp`, `/proc/net/tcp6`)."""
    inodes = {inode for pid in pids for inode in sockets_of(pid)}
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                words = re.findall("........", fields[1].partition(":")[0])
                found.add(socket.inet_ntop(family, b"".join(bytes.fromhex(word)[::-1] for word in words)))
    return found


def test_nothing_listens_beyond_loopback(spare: Spare) -> None:
    assert spare.stack.supervisor is not None
    assert listening({spare.stack.supervisor.pid, *descendants(spare.stack.supervisor.pid)}) == {"127.0.0.1"}


def test_sockets_keys_and_logs_are_ours_alone(spare: Spare) -> None:
    state = spare.stack.state
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (state, *state.rglob("*"))}
    sockets = [path for path in modes if path.is_socket()]
    assert {path.name for path in sockets} == {"opa.sock", "sequencer.sock"}
    assert {modes[path] for path in sockets} == {0o600}
    assert {modes[path.parent] for path in sockets} == {0o700}
    assert modes[state / "checkpoint.key"] == 0o600
    assert modes[state] == 0o700


def test_no_log_holds_a_token_that_was_sent(spare: Spare) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for method, path in (("GET", "/v1/decisions"), ("POST", "/v1/gate"), ("GET", "/metrics"), ("GET", f"/{TOKEN}x")):
        answer = requests.request(
            method, f"{spare.stack.service_url}{path}", headers=headers, json={"token": TOKEN}, timeout=10
        )
        assert answer.status_code in {401, 404}
        assert TOKEN not in answer.text
    logs = [spare.stack.folder / "service.log", *(spare.stack.state / "logs").iterdir()]
    assert {log.stem for log in logs} == {"service", "webhook", "sequencer", "opa"}
    assert not [log.name for log in logs if TOKEN in log.read_text()]


def test_a_decision_is_one_line_in_the_log(spare: Spare, released: Released) -> None:
    with workbench(spare.stack, spare.released) as bench:
        answer = bench.gate(released.digest)
    log = spare.stack.state / "logs" / "service.log"
    eventually(lambda: answer.decision_id in log.read_text(), "the line of the decision")
    (line,) = [line for line in log.read_text().splitlines() if answer.decision_id in line]
    assert "INFO" in line
    assert f"verdict=allow tenant=demo environment=prod image={spare.released.repository}" in line
