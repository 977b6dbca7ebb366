"""Addresses of a host, within a time: the system's resolver knows no time-out and cannot be interrupted."""

import ipaddress
import socket
from queue import Empty, SimpleQueue
from threading import Thread

_Answer = list[str] | OSError


def look_up(host: str, port: int, *, seconds: float) -> list[str]:
    """The distinct addresses of a host name or an address, in the resolver's order.

    Waits at most `seconds`; a resolver that stands still is left behind in its thread, which ends when it gives up.
    Raises `OSError`: `TimeoutError` when there is no answer in time, `socket.gaierror` when there is no such host.
    """
    if _is_address(host):
        return [host]
    answers: SimpleQueue[_Answer] = SimpleQueue()
    Thread(target=_ask, args=(host, port, answers), name="name-lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty as error:
        raise TimeoutError("the name was not resolved in time") from error
    if isinstance(answer, OSError):
        raise answer
    return answer


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ask(host: str, port: int, answers: "SimpleQueue[_Answer]") -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        answers.put(socket.gaierror(str(error)))
    except OSError as error:
        answers.put(error)
    else:
        answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
