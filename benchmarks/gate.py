"""Gate decisions over HTTP with a warm registry: latency and throughput, every decision recorded durably."""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from assay.bootstrap.composition import SystemComposition
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import Verdict
from assay.domain.gate import FromRegistry, GateQuestion
from assay.domain.reference import Repository
from benchmarks.figure import Figure, percentile
from benchmarks.image import push_image
from demo.stack import ENVIRONMENT, Stack

_WARM_UP, _CALLS = 30, 300


def measure() -> Iterator[Figure]:
    """Figures at one and at eight connections, closed loop; void unless every call was allowed and is in the log."""
    with tempfile.TemporaryDirectory() as scratch:
        stack = Stack.prepare(Path(scratch))
        stack.start()
        try:
            question = _question(stack)
            _calls(stack, question, _WARM_UP)
            for connections in (1, 8):
                begun = time.perf_counter()
                with ThreadPoolExecutor(connections) as pool:
                    share = _CALLS // connections
                    futures = [pool.submit(_calls, stack, question, share) for _ in range(connections)]
                    times = [seconds for future in futures for seconds in future.result()]
                elapsed = time.perf_counter() - begun
                label = f"gate, {connections} connection{'s' if connections > 1 else ''}"
                yield Figure(name=f"{label}: p50", value=percentile(times, 0.5) * 1000, unit="ms")
                yield Figure(name=f"{label}: p99", value=percentile(times, 0.99) * 1000, unit="ms")
                yield Figure(name=f"{label}: throughput", value=len(times) / elapsed, unit="1/s")
        finally:
            stack.stop()


def _question(stack: Stack) -> GateQuestion:
    parts = SystemComposition()
    registry = parts.registry(plain_http=(), ca=None)
    repository = Repository(registry=stack.registry.host, path="benchmark")
    signer = parts.signer(stack.folder / "keys" / "cosign.key", password=b"")
    digest = push_image(registry, repository, signer, parts.clock(), tag="1")
    registry.close()
    artefact = Artefact(repository=repository, digest=digest)
    return GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromRegistry())


def _calls(stack: Stack, question: GateQuestion, count: int) -> list[float]:
    parts = SystemComposition()
    client = parts.service(stack.service_url, token="", ca=None)
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        answer = client.ask(question, Deadline.after(30, parts.clock().monotonic))
        times.append(time.perf_counter() - begun)
        if answer.verdict is not Verdict.ALLOW:
            raise RuntimeError(f"the figure is void: {answer.findings}")
    return times
