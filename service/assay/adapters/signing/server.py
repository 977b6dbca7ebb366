"""A signer process: signs complete messages for known users of this machine, and logs each signature."""

import logging
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.adapters.signing.signature_log import SignatureLog
from assay.adapters.signing.wire import (
    Answer,
    parse_question,
    receive_question,
    render_answer,
    render_refusal,
    send_all,
)
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable
from assay.domain.signing_rule import PermittedMessage
from assay.ports import Clock, Signer

_LOGGER = logging.getLogger(__name__)
_CREDENTIALS = struct.Struct("3i")  # struct ucred: process, user, group (unix(7), SO_PEERCRED)
_POLL = 0.1
_BACKLOG = 64
_MOST_CONNECTIONS = 16
_SECONDS = 30.0
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerParts:
    """What a signer process works with; `permit` reads a message and refuses what may not be signed."""

    signer: Signer
    permit: Callable[[bytes], PermittedMessage]
    callers: frozenset[int]
    log: SignatureLog
    clock: Clock
    seconds: float = _SECONDS


def run_signer(parts: SignerParts, listener: socket.socket, *, stop: threading.Event) -> None:
    """Answer until `stop` is set, then finish what was begun and return."""
    listener.settimeout(_POLL)
    threads: set[threading.Thread] = set()

    while not stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        threads = {thread for thread in threads if thread.is_alive()}
        if len(threads) >= _MOST_CONNECTIONS:
            connection.close()  # which its client reads as `signer_unavailable`
            continue
        thread = threading.Thread(target=_serve, args=(parts, connection), name="signer-connection", daemon=True)
        threads.add(thread)
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)


@contextmanager
def listen_for_callers(path: Path, *, group: int | None) -> Iterator[socket.socket]:
    """Listen on a unix socket: mode 0600, or 0660 for a group; the socket is gone at the end.

    What is left of a signer that died is replaced. Raises `ConfigError`: `signer_in_use` when somebody answers there,
    `signer_socket_unusable`.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            _clear(path)
            previous = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(previous)
            if group is not None:
                os.chown(path, -1, group)
                path.chmod(0o660)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise _unusable(path, error.strerror or "it cannot be made") from error
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise _unusable(path, "something else is there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_POLL)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError("signer_in_use", f"somebody answers on {path}", remedy="give each signer its own log and socket")


def _serve(parts: SignerParts, connection: socket.socket) -> None:
    deadline = Deadline.after(parts.seconds, parts.clock.monotonic)

    def left() -> float:
        return deadline.remaining("the call")

    with connection:
        try:
            send_all(connection, _answer(parts, connection, left), left=left)
        except (OSError, AssayError) as error:
            _LOGGER.warning("a call ended without an answer: %s", error)


def _answer(parts: SignerParts, connection: socket.socket, left: Callable[[], float]) -> bytes:
    process, user, _ = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    try:
        _require_caller(parts, user)
        question = parse_question(receive_question(connection, left=left))
        signature = b"" if question.message is None else _sign(parts, question.message, user=user, process=process)
        return render_answer(Answer(public_key=parts.signer.public_key().spki, signature=signature))
    except (InvalidInput, Unavailable, ConfigError) as error:
        _LOGGER.warning("refused user=%d process=%d code=%s: %s", user, process, error.code, error.message)
        return render_refusal(error)


def _require_caller(parts: SignerParts, user: int) -> None:
    if user not in parts.callers:
        raise InvalidInput(
            "signer_caller_refused",
            f"the user {user} may not have anything signed here",
            remedy="have the user id added to `callers` of the signer's configuration",
        )


def _sign(parts: SignerParts, message: bytes, *, user: int, process: int) -> bytes:
    permitted = parts.permit(message)
    signature = parts.signer.sign(message)
    line = parts.log.append(
        permitted, key=parts.signer.public_key().key_id, user=user, process=process, time=parts.clock.now()
    )
    _LOGGER.info("signed %s", line)
    return signature


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        "signer_socket_unusable", f"the signer cannot listen on {path}: {why}", remedy="check path, owner and group"
    )
