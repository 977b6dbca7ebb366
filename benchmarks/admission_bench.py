"""A webhook under measurement: what a load cost, and whether every review of it is in the log."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from assay.adapters.log.connection import open_reader, snapshot
from assay.adapters.log.inspection import load_signed_head
from assay.adapters.log.schema import LEAF
from assay.bootstrap.composition import SystemComposition
from assay.domain.reference import Reference, Repository
from assay.tlog.merkle import EMPTY_FRONTIER, Frontier, grow, leaf_hash
from assay.tlog.note import VerifierKey
from benchmarks.image import push_image
from benchmarks.process_cost import cpu_seconds, service_processes
from benchmarks.vegeta import Attack, LoadError, attack_closed, attack_open, write_targets
from demo.stack import Stack

_PATH = "validate?timeout=10s"


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
    """A running stack, and the tree of its log as far as its reviews are accounted for."""

    stack: Stack
    tree: Frontier = EMPTY_FRONTIER

    def closed(self, reviews: Iterable[bytes], *, connections: int) -> Run:
        """Send each review once over so many connections; raises `LoadError` unless all were allowed and recorded."""
        targets = self._write(reviews)
        return self._run(lambda: attack_closed(targets, ca=self.stack.ca, connections=connections))

    def open(self, reviews: Iterable[bytes], *, rate: int, seconds: int) -> Run:
        """Send so many reviews in each second; raises `LoadError` unless all were allowed and recorded."""
        targets = self._write(reviews)
        return self._run(lambda: attack_open(targets, ca=self.stack.ca, rate=rate, seconds=seconds))

    def push_images(self, count: int, *, path: str) -> Sequence[Reference]:
        """Push that many different images with signature, provenance and SBOM; their references name the digest."""
        parts = SystemComposition()
        registry = parts.registry(plain_http=(), ca=None)
        signer = parts.signer(self.stack.folder / "keys" / "cosign.key", password=b"")
        repository = Repository(registry=self.stack.registry.host, path=path)
        try:
            digests = [push_image(registry, repository, signer, parts.clock(), tag=str(tag)) for tag in range(count)]
        finally:
            registry.close()
        return [Reference(repository=repository, digest=digest) for digest in digests]

    def account(self, answered: int) -> None:
        """Check that the log grew by exactly so many leaves and that its checkpoint signs the tree of all of them."""
        key = VerifierKey.parse((self.stack.state / "checkpoint.pub").read_text(encoding="ascii"))
        engine = open_reader(self.stack.state / "log.db")
        with snapshot(engine) as connection:
            head = load_signed_head(connection, key).checkpoint
            fresh = connection.scalars(select(LEAF.c.bytes).where(LEAF.c.idx >= self.tree.size).order_by(LEAF.c.idx))
            tree, _ = grow(self.tree, (leaf_hash(octets) for octets in fresh))
        engine.dispose()
        if tree.size != self.tree.size + answered:
            raise LoadError(f"the figures are void: {answered} reviews, {tree.size - self.tree.size} leaves")
        if (head.size, head.root) != (tree.size, tree.root):
            raise LoadError("the figures are void: the checkpoint is not that of the leaves")
        self.tree = tree

    def _write(self, reviews: Iterable[bytes]) -> Path:
        return write_targets(self.stack.folder / "targets.json", f"{self.stack.webhook_url}/{_PATH}", reviews)

    def _run(self, attack: Callable[[], Attack]) -> Run:
        processes = service_processes(self._supervisor)
        before = cpu_seconds(processes)
        made = attack()
        run = Run(attack=made, cpu_seconds=cpu_seconds(processes) - before)
        if service_processes(self._supervisor) != processes:
            raise LoadError("the figures are void: a process of the service was replaced")
        _require_allowed(made)
        self.account(len(made.shots))
        return run

    @property
    def _supervisor(self) -> int:
        return self.stack.child("supervisor")


@contextmanager
def running_bench(*, settings: str = "") -> Iterator[Bench]:
    """A fresh stack with two workers of the webhook, stopped and removed at the end."""
    with TemporaryDirectory() as scratch:
        stack = Stack.prepare(Path(scratch))
        stack.settings = settings
        stack.start()
        try:
            yield Bench(stack=stack)
        finally:
            stack.stop()


def _require_allowed(attack: Attack) -> None:
    for shot in attack.shots:
        if shot.error or shot.status != 200:
            raise LoadError(f"the figures are void: status {shot.status}, {shot.error}")
        response = json.loads(shot.answer)["response"]
        if response["allowed"] is not True:
            raise LoadError(f"the figures are void: {response['status']['message']}")
