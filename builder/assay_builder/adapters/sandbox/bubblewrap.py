"""Running one command with bubblewrap: no network, no capability, nothing but what is bound."""

import contextlib
import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput, Unavailable
from assay_builder.adapters.sandbox.network import read_network
from assay_builder.confinement import Completed, NetworkProof

_ISOLATION = (
    *("--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"),
    *("--clearenv", "--cap-drop", "ALL", "--hostname", "builder"),
)
_MOUNTS = ("--proc", "/proc", "--dev", "/dev", "--size", str(4 * 1024**3), "--tmpfs", "/tmp")  # noqa: S108  # the sandbox's own
UNPRIVILEGED = 65533
"""Host user and group that root's sandboxes run as: an empty capability set does not stop root from reading files."""

_START_SECONDS = 10.0
_PIECE = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A host path that appears in the sandbox."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Confined:
    """A command and everything it may see. `user` is its uid and gid inside."""

    command: tuple[str, ...]
    binds: tuple[Bind, ...]
    environment: Mapping[str, str]
    folder: str
    user: int
    seconds: float
    largest_output: int

    def arguments(self) -> list[str]:
        """The arguments of bubblewrap, without those that carry file descriptors."""
        arguments = [*_ISOLATION, "--uid", str(self.user), "--gid", str(self.user)]
        if not any(bind.target == "/" for bind in self.binds):
            arguments += ["--tmpfs", "/"]
        for bind in self.binds:
            arguments += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
        arguments += [*_MOUNTS, "--remount-ro", "/", "--chdir", self.folder]
        for name, value in sorted(self.environment.items()):
            arguments += ["--setenv", name, value]
        return arguments


def isolation_digest() -> Digest:
    """Identity of the isolation every sandbox has."""
    return Digest.of("\0".join([*_ISOLATION, *_MOUNTS]).encode())


class Bubblewrap:
    """Starts sandboxes with one bubblewrap program; as root it drops to an unprivileged user first."""

    def __init__(self, program: Path, *, inspect: Callable[[int], NetworkProof] = read_network) -> None:
        self._program = program
        self._inspect = inspect

    def version(self) -> str:
        """The program's version; `ConfigError(sandbox_unavailable)` when it cannot be started."""
        try:
            answer = subprocess.run(
                [self._program, "--version"], capture_output=True, timeout=_START_SECONDS, check=True, env={}
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise sandbox_unavailable(f"{self._program} cannot be started") from error
        return answer.stdout.decode("ascii", "replace").split()[-1]

    def run(self, confined: Confined) -> Completed:
        """Run a command to its end.

        The command is let go only after its network was read from outside and found to be nothing but an idle `lo`.
        Its exit status is not judged. Raises `ConfigError(sandbox_unavailable)` when no sandbox comes up or it is not
        isolated, `InvalidInput(build_output_limit)`, and `Unavailable(build_timeout)`; then nothing of it runs on.
        """
        with contextlib.ExitStack() as stack:
            process, information, gate = self._start(confined, stack)
            network = _inspect(process, information, self._inspect)
            _let_go(gate)
            output, log = _collect(process, confined)
        return Completed(command=confined.command, status=process.returncode, output=output, log=log, network=network)

    def _start(self, confined: Confined, stack: contextlib.ExitStack) -> tuple[subprocess.Popen[bytes], int, int]:
        information, information_end = os.pipe()
        gate_end, gate = os.pipe()
        for descriptor in (information, gate):
            stack.callback(os.close, descriptor)
        identity = UNPRIVILEGED if os.geteuid() == 0 else None
        try:
            process = subprocess.Popen(
                [
                    *(self._program, "--info-fd", str(information_end), "--block-fd", str(gate_end)),
                    *(*confined.arguments(), "--", *confined.command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(information_end, gate_end),
                env={},
                user=identity,
                group=identity,
                extra_groups=[] if identity is not None else None,
            )
        except OSError as error:
            raise sandbox_unavailable(f"{self._program} cannot be started: {error.strerror}") from error
        finally:
            os.close(information_end)
            os.close(gate_end)
        stack.callback(_end, process)
        return process, information, gate


def is_root() -> bool:
    """Whether sandboxes run as another user than this process."""
    return os.geteuid() == 0


def sandbox_unavailable(why: str) -> ConfigError:
    """The error for a machine that cannot confine."""
    return ConfigError(
        "sandbox_unavailable",
        f"builds cannot be confined here: {why}",
        remedy="install bubblewrap 0.8 or later and allow user namespaces for unprivileged users",
    )


def _inspect(
    process: subprocess.Popen[bytes], information: int, inspect: Callable[[int], NetworkProof]
) -> NetworkProof:
    """Read who the blocked sandbox is, and its network."""
    report = b""
    with selectors.DefaultSelector() as selector:
        selector.register(information, selectors.EVENT_READ)
        while selector.select(_START_SECONDS):
            piece = os.read(information, _PIECE)
            report += piece
            if not piece or report.rstrip().endswith(b"}"):
                break
    try:
        child = json.loads(report)["child-pid"]
        network = inspect(int(child))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise sandbox_unavailable(_read_last_words(process)[-300:] or "bubblewrap reports no sandbox") from error
    if not network.isolated:
        raise sandbox_unavailable("the sandbox has a network")
    return network


def _let_go(gate: int) -> None:
    try:
        os.write(gate, b"1")
    except BrokenPipeError as error:
        raise sandbox_unavailable("the sandbox ended before its command began") from error


def _read_last_words(process: subprocess.Popen[bytes]) -> str:
    """What an ended process said; a stray child that still holds the pipe is not waited for."""
    process.kill()
    process.wait()
    stream = _pipe(process.stderr)
    os.set_blocking(stream.fileno(), False)
    return (stream.read(_PIECE) or b"").decode("utf-8", "replace").strip()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A stream that was asked for as a pipe, so that there is one."""
    assert stream is not None  # noqa: S101  # for the type checker
    return stream


def _collect(process: subprocess.Popen[bytes], confined: Confined) -> tuple[bytes, bytes]:
    output, log = _pipe(process.stdout), _pipe(process.stderr)
    streams: dict[IO[bytes], list[bytes]] = {output: [], log: []}
    until = time.monotonic() + confined.seconds
    size = 0
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise _timed_out(confined)
            for key, _ in ready:
                stream = next(item for item in streams if item is key.fileobj)
                piece = os.read(key.fd, _PIECE)
                size += len(piece)
                streams[stream].append(piece)
                if size > confined.largest_output:
                    raise _too_much(confined)
                if not piece:
                    selector.unregister(stream)
    try:
        process.wait(max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise _timed_out(confined) from error
    return b"".join(streams[output]), b"".join(streams[log])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs (the sandbox dies with its parent) and close the pipes."""
    process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        _pipe(stream).close()


def _timed_out(confined: Confined) -> Unavailable:
    return Unavailable(
        "build_timeout",
        f"{' '.join(confined.command)[:200]} did not end within {confined.seconds:.0f} s",
        remedy="repeat the build on a machine with less load",
    )


def _too_much(confined: Confined) -> InvalidInput:
    return InvalidInput(
        "build_output_limit",
        f"{' '.join(confined.command)[:200]} printed more than {confined.largest_output} bytes",
        remedy="look at what the program prints while it is built",
    )
