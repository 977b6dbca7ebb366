"""Programs that keep credentials: `docker-credential-NAME get` (the protocol of docker's credential helpers)."""

import os
import selectors
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput, Unavailable
from assay.formats.docker_config import make_credential
from assay.formats.strict_json import parse_json

_MOST_SECONDS = 10.0
_REMEMBERED_SECONDS = 300.0
_MOST_OCTETS = 256 * 1024
_PIECE = 16 * 1024
_SERVERS = {"docker.io": "https://index.docker.io/v1/"}
_UNKNOWN = b"credentials not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperProgram:
    """Starts helpers found in the absolute folders of `environment["PATH"]`, with exactly this environment.

    A helper has at most ten seconds and the deadline, and 256 KiB to say; what it says is in no message, and is
    remembered for five minutes.
    """

    environment: Mapping[str, str] = field(repr=False)
    _kept: dict[tuple[str, str], tuple[Credential | None, float]] = field(default_factory=dict, repr=False)

    def get(self, name: str, registry: str, deadline: Deadline) -> Credential | None:
        """The credential the helper has, None when it says that it has none.

        Raises `Unavailable(registry_denied)` when it is missing, fails, or answers something else.
        """
        kept = self._kept.get((name, registry))
        if kept is None or kept[1] <= deadline.clock():
            kept = self._ask(name, registry, deadline), deadline.clock() + _REMEMBERED_SECONDS
            self._kept[name, registry] = kept
        return kept[0]

    def _ask(self, name: str, registry: str, deadline: Deadline) -> Credential | None:
        program = self._find(f"docker-credential-{name}")
        seconds = min(_MOST_SECONDS, deadline.remaining(f"docker-credential-{name}"))
        status, output = _run(program, _SERVERS.get(registry, registry), self.environment, seconds)
        if status != 0 and _UNKNOWN in output:
            return None
        if status != 0:
            raise _failed(program.name, "it ended with an error, or took too long")
        return _parse(output, program.name)

    def _find(self, name: str) -> Path:
        for folder in self.environment.get("PATH", "").split(os.pathsep):
            program = Path(folder) / name
            if program.is_absolute() and os.access(program, os.X_OK) and program.is_file():
                return program
        raise _failed(name, "there is no such program in an absolute folder of PATH")


def _run(program: Path, server: str, environment: Mapping[str, str], seconds: float) -> tuple[int, bytes]:
    """The exit status and the output, which ends at its cap; a program that is late is killed and has failed."""
    until = time.monotonic() + seconds
    try:
        child = subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise _failed(program.name, f"it cannot be started ({error.strerror})") from error
    with child:
        try:
            output = _converse(child, server.encode(), until)
            return child.wait(timeout=max(until - time.monotonic(), 0)), output
        except (subprocess.TimeoutExpired, TimeoutError):
            return -1, b""
        finally:
            child.kill()


def _converse(child: "subprocess.Popen[bytes]", question: bytes, until: float) -> bytes:
    stdin, stdout = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    with suppress(BrokenPipeError):  # a helper may answer without reading the question
        stdin.write(question)
        stdin.close()
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while len(output) <= _MOST_OCTETS:
            if not selector.select(max(until - time.monotonic(), 0)):
                raise TimeoutError
            piece = os.read(stdout.fileno(), _PIECE)
            if not piece:
                return bytes(output)
            output += piece
    raise TimeoutError


def _parse(output: bytes, name: str) -> Credential:
    try:
        document = parse_json(output, what=name, largest=_MOST_OCTETS)
        members = document if isinstance(document, dict) else {}
        username, secret = members.get("Username", ""), members.get("Secret")
        if isinstance(username, str) and isinstance(secret, str):
            return make_credential(username, secret)
    except InvalidInput:
        pass  # told below, without quoting what could hold a secret
    raise _failed(name, "it answers with no credential")


def _failed(name: str, why: str) -> Unavailable:
    return Unavailable(
        "registry_denied",
        f"{name}: {why}",
        remedy="log in to the registry again, or remove the helper from docker's configuration",
    )
