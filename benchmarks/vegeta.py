"""Load from vegeta: closed loop with a number of connections, open loop at a rate, and what became of each request."""

import base64
import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import percentile
from demo.stack import TOOLS

_NANOSECONDS = 1e9
_NO_MORE = "no targets to attack"
_LONGEST_RUN = 1800


class LoadError(RuntimeError):
    """The load was not what was asked for: the figure is void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request: when it began and how long it took in seconds, the HTTP status (0: none), its error and answer."""

    began: float
    seconds: float
    status: int
    error: str
    answer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """All requests of one attack."""

    shots: Sequence[Shot]

    @property
    def elapsed(self) -> float:
        """Seconds from the first request to the last answer."""
        return max(shot.began + shot.seconds for shot in self.shots) - min(shot.began for shot in self.shots)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.shots) / self.elapsed

    def milliseconds(self, share: float) -> float:
        """The latency that this share of the requests does not exceed."""
        return percentile([shot.seconds for shot in self.shots], share) * 1000


def write_targets(path: Path, url: str, bodies: Iterable[bytes]) -> Path:
    """Write one POST of JSON for each body, in vegeta's own format."""
    header = {"Content-Type": ["application/json"]}
    with path.open("w", encoding="ascii") as file:
        for body in bodies:
            target = {"method": "POST", "url": url, "header": header, "body": base64.b64encode(body).decode()}
            file.write(json.dumps(target) + "\n")
    return path


def attack_closed(targets: Path, *, ca: Path, connections: int) -> Attack:
    """Send each target once over so many connections, each waiting for its answer before it sends the next."""
    count = str(connections)
    return _attack(targets, ca, "-lazy", "-rate=0", f"-max-workers={count}", f"-workers={count}")


def attack_open(targets: Path, *, ca: Path, rate: int, seconds: int) -> Attack:
    """Send so many requests in each second, whatever became of those before; targets are used in turn."""
    return _attack(targets, ca, f"-rate={rate}/1s", f"-duration={seconds}s", "-workers=64")


def attack_lasting(targets: Path, *, ca: Path, connections: int, seconds: int) -> Attack:
    """Keep so many connections busy for so long; targets are used in turn."""
    count = str(connections)
    return _attack(targets, ca, "-rate=0", f"-max-workers={count}", f"-workers={count}", f"-duration={seconds}s")


def _attack(targets: Path, ca: Path, *options: str) -> Attack:
    results = targets.with_suffix(".results")
    command = [str(TOOLS / "vegeta"), "attack", "-format=json", f"-targets={targets}", f"-root-certs={ca}"]
    command += [f"-output={results}", "-http2=false", "-timeout=30s", *options]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_LONGEST_RUN)
        shots = tuple(_shots(results))
    except (OSError, subprocess.SubprocessError) as error:
        raise LoadError(f"the figure is void: vegeta did not run: {error}") from error
    finally:
        results.unlink(missing_ok=True)
    if not shots:
        raise LoadError("the figure is void: nothing was sent")
    return Attack(shots=shots)


def _shots(results: Path) -> Iterator[Shot]:
    command = [str(TOOLS / "vegeta"), "encode", "-to=csv", str(results)]
    csv.field_size_limit(sys.maxsize)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="ascii") as encoder:
        for row in csv.reader(encoder.stdout or ()):
            if row[5] == _NO_MORE:  # how a worker learns that the file is at its end
                continue
            yield Shot(
                began=int(row[0]) / _NANOSECONDS,
                seconds=int(row[2]) / _NANOSECONDS,
                status=int(row[1]),
                error=row[5],
                answer=base64.b64decode(row[6]),
            )
