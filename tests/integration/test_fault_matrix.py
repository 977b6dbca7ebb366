"""Every port fails in every way at every door that can allow: never an allow that is not proven, never a lost decision.

And never a hang: an answer comes while the port still stands still, but for the few cells in `WAITS`. The doors of
notifications are not here, for they allow nothing.
"""

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.adapters.log.state import StateFolder
from assay.adapters.opa.generation import build_generation, load_generation
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay_misuse.bench import Bench
from assay_misuse.policy import RELEASE, TENANT, rule_data
from assay_misuse.registry import LyingRegistry
from assay_misuse.signatory import Signatory
from assay_misuse.workload import NAMESPACE
from tests.fakes.fault_door import ENVIRONMENT, GATE, LOOP, PROVIDER, Reply
from tests.fakes.fault_stage import FaultStage
from tests.fakes.faulty_pipe import GARBAGE, Fault, FaultyPipe, Kind
from tests.fakes.grants import mint_grant
from tests.fakes.kubernetes_api import reply, scripted_api
from tests.fakes.loop_server import start_threads
from tests.fakes.sequencer import open_archive, running
from tests.fakes.signing import FakeAuthority
from tests.fixtures.engines import OPA, POLICIES, running_opa

PORTS = ("registry", "opa", "log", "trust", "clock", "cluster", "grants", "cache", "tags")
ENDPOINTS = (GATE, "mutate", "validate", LOOP, PROVIDER)
CELLS = list(itertools.product(PORTS, Kind, ENDPOINTS))
PATIENT, SHORT = 30, 1
"""Seconds of a deadline: where an answer is expected however slow the machine, and where it is waited for."""
BOUND = 30.0
"""Seconds after the deadline in which an answer has to come: many on a busy machine, few beside what a hang lasts."""
THREADS = 2
NOT_ASKED = {
    *itertools.product(("cluster", "grants", "cache", "tags"), (GATE,)),
    *itertools.product(("cluster", "grants"), (PROVIDER,)),
    *itertools.product(("registry", "opa", "cluster", "cache", "tags"), (LOOP,)),
}
"""Publishing knows no cluster, no grants and no tags, and looks anew; the provider is told of no namespace, and so has
no cluster and no grants; an allow is given again without waiting."""
WAITS = {("trust", GATE), ("trust", PROVIDER), ("cache", PROVIDER), ("tags", PROVIDER), ("trust", LOOP)}
"""Where nobody answers for a thread that stands still.

These ports are memory, or files for whose locks their adapters wait a second at most. Should one of them hang all the
same, the admission hooks answer out of their loop; gate and provider answer when the hang ends, and deny then, for
their time is over. The loop itself asks nothing but memory.
"""
WAITED = 1.0
"""Seconds after the deadline at which such a hang ends."""
FORESEEN = {"registry", "opa", "log", "cluster"}
"""Ports that fail for real, behind their adapters; the others raise what no adapter does."""


def is_harmless(port: str, kind: Kind, endpoint: str) -> bool:
    """Whether the fault leaves the proof possible: what is slow comes in the end, and a clock may stand still."""
    if port == "clock":
        return kind is Kind.HANG
    if port == "cache" and kind in {Kind.ERROR, Kind.PARTIAL}:
        return True  # nothing depends on it
    return kind is Kind.SLOW or (port, endpoint) in NOT_ASKED


@dataclass(frozen=True, kw_only=True)
class Images:
    """A signed image, also under an immutable tag, an unsigned one, and one that is granted (break-glass)."""

    good: str
    tagged: str
    bad: str
    granted: str

    def provable(self, port: str, endpoint: str) -> str:
        """An image that is allowed as long as this port works."""
        if (port, endpoint) in {("grants", GATE), ("grants", PROVIDER), ("tags", GATE)}:
            return self.good
        return {"grants": self.granted, "tags": self.tagged}.get(port, self.good)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultStage, Images]]:
    folder = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        # A socket's path has at most 107 bytes, and pytest's folders may be longer.
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pipe-")))
        registry = stack.enter_context(LyingRegistry.serving())
        pipe = stack.enter_context(FaultyPipe.to(("127.0.0.1", registry.port)))
        data = folder / "rule-data.json"
        data.write_text(json.dumps(rule_data(pipe.host, standard_only=True)))
        built = build_generation(policies=POLICIES, rule_data=data, opa=OPA, state=folder, authorities=[RELEASE])
        opa = stack.enter_context(running_opa(folder, load_generation(built)))
        state = sockets / "state"
        stack.enter_context(running(state))
        api = stack.enter_context(scripted_api(folder))
        api.script(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default", reply({"metadata": {"name": "default"}}))
        keys = [Signatory(signer=FakeAuthority(name)) for name in (RELEASE, "stranger")]
        bench = Bench(registry=registry, elsewhere=registry, release=keys[0], stranger=keys[1])
        stored = [bench.signed(), bench.unsigned(), bench.unsigned()]
        names = [f"{pipe.host}/{bench.path}@{each.digest}" for each in stored]
        stage = FaultStage(
            pipes={
                "registry": pipe,
                "opa": stack.enter_context(FaultyPipe.to(opa.socket, at=sockets / "opa")),
                "log": stack.enter_context(FaultyPipe.to(StateFolder(folder=state).socket, at=sockets / "log")),
                "cluster": stack.enter_context(FaultyPipe.to(("127.0.0.1", urlsplit(api.address).port or 0))),
            },
            generation=opa.generation,
            archive=open_archive(state),
            cluster=api.access,
            grant=_grant(Digest(stored[2].digest)),
            opa_socket=sockets / "opa",
            log_socket=sockets / "log",
            threads=start_threads(THREADS),
        )
        yield stage, Images(good=names[0], tagged=names[0].replace("@", ":v1@"), bad=names[1], granted=names[2])


def _grant(digest: Digest) -> bytes:
    now, hour = datetime.now(UTC), timedelta(hours=1)
    return mint_grant(
        digest,
        tenant=TENANT,
        environment=ENVIRONMENT,
        namespaces=[NAMESPACE],
        not_before=now - hour,
        expires=now + hour,
    )


def why_undecided(endpoint: str, faults: Mapping[str, Kind]) -> set[str]:
    """The codes that may stand in the place of a decision while the log is well."""
    codes = set() if faults.keys() <= FORESEEN else {"internal"}
    if "clock" in faults or Kind.HANG in faults.values():
        codes |= {"deadline_exceeded", "log_unavailable"}  # the log was asked when the time was over
    if endpoint == GATE and "registry" in faults:
        codes.add("registry_unavailable")  # there is nothing to decide about
    return codes


def check(stage: FaultStage, endpoint: str, reply: Reply, faults: Mapping[str, Kind], *, seconds: int) -> None:
    """It came in time, and what it says was decided is in the log; a log that is well has all that was decided."""
    assert reply.seconds < seconds + BOUND
    assert reply.decision or not reply.allowed
    if reply.decision:
        stored = stage.archive.get_decision(reply.decision, tenant=None)
        assert stored is not None
        assert (stored.leaf.verdict is Verdict.ALLOW) is reply.allowed
    elif "log" not in faults:
        assert reply.code in why_undecided(endpoint, faults), reply.text


def ask_in_time(stage: FaultStage, cell: tuple[str, Kind, str], image: str, *, asks: bool) -> Reply:
    """The answer while a port fails that is asked about this image, or is not."""
    port, kind, endpoint = cell
    hangs = kind is Kind.HANG and asks
    seconds = SHORT if hangs else PATIENT
    waited = seconds + WAITED if hangs and (port, endpoint) in WAITS else None
    answered = stage.ask(endpoint, image, {port: Fault(kind=kind)}, seconds=seconds, standstill_seconds=waited)
    check(stage, endpoint, answered, {port: kind}, seconds=seconds)
    assert endpoint == GATE or answered.status == 200
    return answered


@pytest.mark.parametrize(("port", "kind", "endpoint"), CELLS)
def test_a_fault_never_makes_an_allow(served: tuple[FaultStage, Images], port: str, kind: Kind, endpoint: str) -> None:
    stage, images = served
    asks, waits = (port, endpoint) not in NOT_ASKED, kind is Kind.HANG and (port, endpoint) in WAITS
    provable = images.provable(port, endpoint)
    answered = ask_in_time(stage, (port, kind, endpoint), provable, asks=asks)
    assert answered.allowed is is_harmless(port, kind, endpoint), answered.text
    assert asks or answered.in_loop is (endpoint == LOOP)
    assert answered.seconds > SHORT + WAITED / 2 or not waits
    unproven = ask_in_time(stage, (port, kind, endpoint), images.bad, asks=asks or endpoint == LOOP)
    assert not unproven.allowed
    twin = stage.ask(endpoint, provable, {}, seconds=PATIENT)
    check(stage, endpoint, twin, {}, seconds=PATIENT)
    assert twin.allowed, twin.text
    assert twin.in_loop is (endpoint == LOOP and provable is not images.granted)


def test_every_cell_is_there() -> None:
    assert len(CELLS) == len(set(CELLS)) == 9 * 5 * 5 == 225


GARBAGES = st.one_of(
    st.just(GARBAGE),
    st.binary(max_size=200),
    st.sampled_from([b'{"result": {"allow": true}}', b'{"allow": true}', b"{}", b"[]", b"null", b""]).map(
        lambda body: (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
    ),
)
FAULTS = st.builds(
    Fault,
    kind=st.sampled_from([kind for kind in Kind if kind is not Kind.HANG]),
    garbage=GARBAGES,
    cut=st.integers(0, 600),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.dictionaries(st.sampled_from(PORTS), FAULTS, min_size=1, max_size=3), endpoint=st.sampled_from(ENDPOINTS)
)
def test_no_mixture_of_faults_makes_an_allow(
    served: tuple[FaultStage, Images], faults: Mapping[str, Fault], endpoint: str
) -> None:
    stage, images = served
    for image in (images.bad, images.good):
        answered = stage.ask(endpoint, image, faults, seconds=PATIENT)
        check(stage, endpoint, answered, {port: fault.kind for port, fault in faults.items()}, seconds=PATIENT)
        assert image is images.good or not answered.allowed
    assert not answered.allowed or all(_leaves_the_proof(stage, port, faults[port], endpoint) for port in faults)


def _leaves_the_proof(stage: FaultStage, port: str, fault: Fault, endpoint: str) -> bool:
    # An answer that was cut behind its end is whole, and for a signed image without a tag nobody asks for either.
    whole = fault.kind is Kind.PARTIAL and port in stage.pipes
    return whole or port in {"grants", "tags"} or is_harmless(port, fault.kind, endpoint)
