"""Queries to a running OPA over its unix socket.

`opa-python-client` is used for health alone (ADR 15), and guarded where it is weak: it knows no unix sockets and no
deadlines, retries on its own, and reads proxy settings from the environment.
"""

import http.client
import json
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import requests
from opa_client.opa import OpaClient

from assay.adapters.opa.generation import Generation
from assay.adapters.opa.schema import render_path
from assay.adapters.opa.unix_http import Channel, UnixAdapter
from assay.domain.deadline import Deadline
from assay.domain.decision import Stage
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.policy import LoadedPolicy
from assay.ports import PolicyEngine

_TARGETS = {stage: f"/v1/data/assay/main/{stage}?strict-builtin-errors=true" for stage in Stage}
_NOTHING = b'{"input": {}}'
_ATTEMPTS = 2


class OpaEngine(PolicyEngine):
    """The policy engine behind a unix socket, serving one generation.

    Safe to share between threads and to create before a fork: connections are made when they are needed, by the
    process that needs them. `close` gives back the idle ones.
    """

    def __init__(self, socket_path: Path, generation: Generation) -> None:
        self._socket_path = socket_path
        self._generation = generation
        self._lock = threading.Lock()
        self._idle: list[Channel] = []
        self._owner = os.getpid()

    def loaded(self) -> LoadedPolicy:
        """The policy that `query` evaluates."""
        return self._generation.policy

    def query(self, stage: Stage, document: Mapping[str, object], deadline: Deadline) -> object:
        """Evaluate one stage's entry point over a document of its schema.

        Raises `InvalidInput(policy_input_invalid)` for a document of another shape, `InvalidInput(
        policy_result_invalid)` for an evaluation error or an undefined result, `Unavailable(
        policy_engine_unavailable)` when there is no answer in time. A connection that turns out to be dead is
        replaced once; an evaluation is never repeated.
        """
        self._validate(stage, document)
        body = _render(document)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                status, octets = self._post(_TARGETS[stage], body, deadline)
            except ConnectionError as error:
                if attempt == _ATTEMPTS:
                    raise _down(str(error)) from error
                self.close()  # an engine that was restarted left the other idle connections dead too
            except (OSError, http.client.HTTPException) as error:
                raise _down(str(error)) from error
            else:
                return _read_result(status, octets)
        raise _down("no attempt was made")

    def prepare(self, deadline: Deadline) -> None:
        """Have the engine compile both stages before the first question; raises `Unavailable` when it does not answer.

        What it says about an empty document is of no use to anybody.
        """
        for target in _TARGETS.values():
            try:
                self._post(target, _NOTHING, deadline)
            except (OSError, http.client.HTTPException) as error:
                raise _down(str(error)) from error

    def ping(self, deadline: Deadline) -> None:
        """Return when the engine is alive and its bundle active."""
        client = connect(self._socket_path)
        client.timeout = _remaining(deadline)
        try:
            healthy = client.check_health(query={"bundles": "true"})
        except requests.RequestException as error:
            raise _down(str(error)) from error
        finally:
            client.close_connection()
        if not healthy:
            raise _down("it is not healthy")

    def close(self) -> None:
        """Close the idle connections of this process."""
        with self._lock:
            channels, self._idle = self._idle, []
        for channel in channels:
            channel.close()

    def _validate(self, stage: Stage, document: Mapping[str, object]) -> None:
        try:
            problem = next(self._generation.validators[stage].iter_errors(document), None)
        except ValueError as error:
            raise _misshapen("$") from error
        if problem is not None:
            raise _misshapen(render_path(problem))

    def _post(self, target: str, body: bytes, deadline: Deadline) -> tuple[int, bytes]:
        """Borrow a connection for one call; one that failed is closed, not given back."""
        seconds = _remaining(deadline)
        channel = self._borrow()
        with ExitStack() as on_failure:
            on_failure.callback(channel.close)
            answer = channel.post(target, body, seconds=seconds)
            on_failure.pop_all()
        with self._lock:
            self._idle.append(channel)
        return answer

    def _borrow(self) -> Channel:
        with self._lock:
            if self._owner != os.getpid():
                self._owner, self._idle = os.getpid(), []
            return self._idle.pop() if self._idle else Channel(self._socket_path)


def connect(socket_path: Path) -> OpaClient:
    """A client whose every request goes to the unix socket, without retries and without proxies."""
    client = OpaClient(host="opa", port=80, retries=0)
    session = client._session  # noqa: SLF001  # the client has no public place for a transport; a test pins this one
    session.trust_env = False
    session.adapters.clear()
    session.headers["Accept-Encoding"] = "identity"
    session.mount("http://", UnixAdapter(socket_path))
    return client


def _down(why: str) -> Unavailable:
    return Unavailable(
        "policy_engine_unavailable",
        f"the policy engine did not answer: {why[:200]}",
        remedy="repeat the call; see the service's log if it goes on",
    )


def _misshapen(place: str) -> InvalidInput:
    return InvalidInput(
        "policy_input_invalid",
        f"the document's {place} does not have the shape policy is written for",
        remedy="report this as a bug",
    )


def _no_result(why: str) -> InvalidInput:
    return InvalidInput("policy_result_invalid", f"the policy engine proved nothing: {why}", remedy="check the policy")


def _remaining(deadline: Deadline) -> float:
    try:
        return deadline.remaining("the policy engine")
    except Unavailable as error:
        raise _down(error.message) from error


def _render(document: Mapping[str, object]) -> bytes:
    try:
        return json.dumps({"input": document}, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (ValueError, RecursionError) as error:
        raise _no_result("the document is not JSON") from error


def _read_result(status: int, octets: bytes) -> object:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise _down("it is starting or stopping")
    if status >= HTTPStatus.BAD_REQUEST:
        raise _no_result(f"status {status}: {octets[:500].decode(errors='replace')}")
    if status != HTTPStatus.OK:
        raise _down(f"it answered with status {status}")
    try:
        answer: object = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise _no_result("the answer is not JSON") from error
    if not isinstance(answer, dict) or "result" not in answer:
        raise _no_result("the result is undefined")
    return answer["result"]
