"""Queries to a running OPA over its unix socket.

`opa-python-client` is used for queries and health alone, and guarded where it is weak: it knows no unix sockets and no
deadlines, retries on its own, and reads proxy settings from the environment.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import requests
from jsonschema.exceptions import best_match
from opa_client.opa import OpaClient

from assay.adapters.opa.generation import Generation
from assay.adapters.opa.unix_http import UnixAdapter
from assay.domain.deadline import Deadline
from assay.domain.decision import Stage
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.policy import LoadedPolicy
from assay.ports import PolicyEngine

_PACKAGE = "assay.main"
_ATTEMPTS = 2
_STRICT = {"strict-builtin-errors": "true"}


class OpaEngine(PolicyEngine):
    """The policy engine behind a unix socket, serving one generation.

    Safe to share between threads and to create before a fork: connections are made when they are needed, by the
    process that needs them. `close` gives back the idle ones.
    """

    def __init__(self, socket_path: Path, generation: Generation) -> None:
        self._socket_path = socket_path
        self._generation = generation
        self._lock = threading.Lock()
        self._idle: list[OpaClient] = []
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
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._ask(stage, document, deadline)
            except requests.RequestException as error:
                died = isinstance(error, requests.ConnectionError) and not isinstance(error, requests.Timeout)
                if not died or attempt == _ATTEMPTS:
                    raise _down(str(error)) from error
        raise _down("no attempt was made")

    def ping(self, deadline: Deadline) -> None:
        """Return when the engine is alive and its bundle active."""
        with self._client(deadline) as client:
            if not client.check_health(query={"bundles": "true"}):
                raise _down("it is not healthy")

    def close(self) -> None:
        """Close the idle connections of this process."""
        with self._lock:
            clients, self._idle = self._idle, []
        for client in clients:
            client.close_connection()

    def _validate(self, stage: Stage, document: Mapping[str, object]) -> None:
        problem = best_match(self._generation.validators[stage].iter_errors(cast("Any", document)))
        if problem is not None:
            raise InvalidInput(
                "policy_input_invalid",
                f"the document's {problem.json_path} does not have the shape policy is written for",
                remedy="report this as a bug",
            )

    def _ask(self, stage: Stage, document: Mapping[str, object], deadline: Deadline) -> object:
        with self._client(deadline) as client:
            try:
                answer: object = client.query_rule(document, _PACKAGE, stage.value, _STRICT)
            except requests.HTTPError as error:
                raise _failed(error.response) from error
            except (requests.exceptions.InvalidJSONError, RecursionError) as error:
                raise _no_result("the answer is not JSON") from error
        if not isinstance(answer, dict) or "result" not in answer:
            raise _no_result("the result is undefined")
        return answer["result"]

    @contextmanager
    def _client(self, deadline: Deadline) -> Iterator[OpaClient]:
        """Borrow a client for one call; one that failed is closed, not given back."""
        try:
            remaining = deadline.remaining("the policy engine")
        except Unavailable as error:
            raise _down(error.message) from error
        client = self._borrow()
        client.timeout = remaining
        try:
            yield client
        except (requests.RequestException, InvalidInput, Unavailable):
            client.close_connection()
            raise
        with self._lock:
            self._idle.append(client)

    def _borrow(self) -> OpaClient:
        with self._lock:
            if self._owner != os.getpid():
                self._owner, self._idle = os.getpid(), []
            return self._idle.pop() if self._idle else connect(self._socket_path)


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


def _no_result(why: str) -> InvalidInput:
    return InvalidInput("policy_result_invalid", f"the policy engine proved nothing: {why}", remedy="check the policy")


def _failed(response: requests.Response | None) -> InvalidInput | Unavailable:
    status = response.status_code if response is not None else 0
    if status == requests.codes.service_unavailable:
        return _down("it is starting or stopping")
    reason = response.text[:500] if response is not None else ""
    return _no_result(f"status {status}: {reason}")
