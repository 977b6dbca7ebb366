"""A webhook under measurement: what a load cost, and whether every review of it is in the log."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from sqlalchemy import select

from assay.adapters.log.connection import open_reader, snapshot
from assay.adapters.log.inspection import load_signed_head
from assay.adapters.log.schema import LEAF
from assay.bootstrap.composition import SystemComposition
from assay.domain.reference import Reference, Repository
from assay.tlog.merkle import EMPTY_FRONTIER, Frontier, grow, leaf_hash
from assay.tlog.note import VerifierKey
from benchmarks.faulty_proxy import FaultyProxy, faulty_proxy
from benchmarks.image import push_image
from benchmarks.process_cost import cpu_seconds, mebibytes, service_processes
from benchmarks.vegeta import Attack, LoadError, attack_closed, attack_lasting, attack_open, write_targets
from demo.stack import Stack, run_assay
from tests.e2e.process_tree import descendants
from tests.fixtures.polling import eventually

T = TypeVar("T")

_AUTHORITY = "  release: {keys: [keys/cosign.pub]}\n"
_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A load with the CPU time that all processes of the service spent on it."""

    attack: Attack
    cpu_seconds: float

    @property
    def cpu_milliseconds(self) -> float:
        """CPU time of one review."""
        return self.cpu_seconds * 1000 / len(self.attack.shots)


@dataclass(kw_only=True)
class Bench:
    """A running stack behind a proxy of its registry, and the tree of its log as far as it is accounted for.

    Every load raises `LoadError` unless each review was answered as expected (`allowed`) and has exactly one leaf under
    a checkpoint that verifies, and no process of the service was replaced meanwhile.
    """

    stack: Stack
    proxy: FaultyProxy
    tree: Frontier = EMPTY_FRONTIER

    def closed(
        self, reviews: Iterable[bytes], *, connections: int, seconds: int = _SECONDS, allowed: bool = True
    ) -> Run:
        """Send each review once over so many connections; `seconds` is the time that the API server tells."""
        targets = self.write_targets(reviews, seconds)
        return self._run(lambda: attack_closed(targets, ca=self.stack.ca, connections=connections), allowed=allowed)

    def open(self, reviews: Iterable[bytes], *, rate: int, seconds: int) -> Run:
        """Send so many reviews in each second."""
        targets = self.write_targets(reviews, _SECONDS)
        return self._run(lambda: attack_open(targets, ca=self.stack.ca, rate=rate, seconds=seconds), allowed=True)

    def lasting(self, reviews: Iterable[bytes], *, connections: int, seconds: int) -> Run:
        """Keep so many connections busy for so long."""
        targets = self.write_targets(reviews, _SECONDS)
        return self._run(
            lambda: attack_lasting(targets, ca=self.stack.ca, connections=connections, seconds=seconds), allowed=True
        )

    def restart(self) -> None:
        """Start the service anew and wait until all its workers are there: a late one would spoil the figures."""
        self.stack.stop_service()
        self.start()

    def start(self) -> None:
        """Start the service; see `restart`."""
        self.stack.start_service()
        for server in ("service", "webhook"):
            eventually(partial(self._has_workers, server), f"the workers of {server}")

    def push_images(self, count: int, *, path: str, attested: bool = True) -> Sequence[Reference]:
        """Push that many different images with signature, provenance and SBOM; the names are those of the proxy."""
        parts = SystemComposition()
        registry = parts.registry(plain_http=(), ca=None)
        signer = parts.signer(self.stack.folder / "keys" / "cosign.key", password=b"")
        repository = Repository(registry=self.stack.registry.host, path=path)
        try:
            digests = [
                push_image(registry, repository, signer, parts.clock(), tag=str(tag), attested=attested)
                for tag in range(count)
            ]
        finally:
            registry.close()
        named = Repository(registry=self.proxy.host, path=path)
        return [Reference(repository=named, digest=digest) for digest in digests]

    def write_targets(self, reviews: Iterable[bytes], seconds: int = _SECONDS, *, name: str = "targets") -> Path:
        """Write reviews for the validating hook."""
        url = f"{self.stack.webhook_url}/validate?timeout={seconds}s"
        return write_targets(self.stack.folder / f"{name}.json", url, reviews)

    def account(self, answered: int) -> None:
        """Check that the log grew by exactly so many leaves and that its checkpoint signs the tree of all of them."""
        before, self.tree = self.tree.size, self._read_tree()
        if self.tree.size != before + answered:
            raise LoadError(f"the figure is void: {answered} reviews, {self.tree.size - before} leaves")

    def watch(self, work: Callable[[], T]) -> tuple[T, float]:
        """What the work gives, and the CPU time in seconds that the service spent meanwhile."""
        supervisor = self.stack.child("supervisor")
        processes = service_processes(supervisor)
        before = cpu_seconds(processes)
        given = work()
        if service_processes(supervisor) != processes:
            raise LoadError("the figure is void: a process of the service was replaced")
        return given, cpu_seconds(processes) - before

    def mebibytes(self) -> float:
        """Memory of supervisor, sequencer, OPA and the webhook with its workers."""
        webhook = self.stack.child("webhook")
        parts = [self.stack.child(name) for name in ("supervisor", "sequencer", "opa")]
        return mebibytes([*parts, webhook, *descendants(webhook)])

    def _has_workers(self, server: str) -> bool:
        return len(descendants(self.stack.child(server))) == self.stack.workers

    def _read_tree(self) -> Frontier:
        key = VerifierKey.parse((self.stack.state / "checkpoint.pub").read_text(encoding="ascii"))
        engine = open_reader(self.stack.state / "log.db")
        with snapshot(engine) as connection:
            head = load_signed_head(connection, key).checkpoint
            fresh = connection.scalars(select(LEAF.c.bytes).where(LEAF.c.idx >= self.tree.size).order_by(LEAF.c.idx))
            tree, _ = grow(self.tree, (leaf_hash(octets) for octets in fresh))
        engine.dispose()
        if (head.size, head.root) != (tree.size, tree.root):
            raise LoadError("the figure is void: the checkpoint is not that of the leaves")
        return tree

    def _run(self, attack: Callable[[], Attack], *, allowed: bool) -> Run:
        made, spent = self.watch(attack)
        self.account(len(made.shots))
        require_verdicts(made, allowed=allowed)
        return Run(attack=made, cpu_seconds=spent)


def require_verdicts(attack: Attack, *, allowed: bool) -> None:
    """Raise `LoadError` unless every review was answered with HTTP 200 and this verdict."""
    for shot in attack.shots:
        if shot.error or shot.status != 200:
            raise LoadError(f"the figure is void: status {shot.status}, {shot.error}")
        response = json.loads(shot.answer)["response"]
        if response["allowed"] is not allowed:
            raise LoadError(f"the figure is void: {response.get('status', {}).get('message', 'allowed')}")


@contextmanager
def running_bench(*, authorities: int = 1) -> Iterator[Bench]:
    """A fresh stack with two workers of the webhook, stopped and removed at the end."""
    with TemporaryDirectory() as scratch:
        stack = Stack.prepare(Path(scratch))
        stack.registry.start()
        with faulty_proxy(stack.registry.port) as proxy:
            stack.contacted = stack.allowed = (proxy.host,)
            stack.write_configuration()
            _add_authorities(stack, authorities - 1)
            bench = Bench(stack=stack, proxy=proxy)
            try:
                bench.start()
                yield bench
            finally:
                stack.stop()


def _add_authorities(stack: Stack, count: int) -> None:
    """Trust further keys that signed nothing."""
    lines = [_AUTHORITY]
    for number in range(count):
        run_assay("keys", "generate", "--folder", str(stack.folder / f"keys-{number}"))
        lines.append(f"  other-{number}: {{keys: [keys-{number}/cosign.pub]}}\n")
    text = stack.configuration.read_text(encoding="utf-8")
    stack.configuration.write_text(text.replace(_AUTHORITY, "".join(lines)), encoding="utf-8")
