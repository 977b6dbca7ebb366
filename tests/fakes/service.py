"""The service's application around fakes, and what a caller sees of it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from assay.domain.caller import Caller, Role
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, RecordPart
from assay.domain.gate import GateAnswer, GateQuestion
from assay.domain.record import Damage, DecisionFilter, DecisionPage, StoredDecision, WalkPage
from assay.http.application import create_service
from assay.http.caller import CallerBook
from assay.http.parts import ServiceParts
from assay.ports import DecisionArchive
from assay.usecases.gate import ask_gate
from tests.fakes.decision import denied
from tests.fakes.engine import CALLER, World
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.sequencer import open_archive, running

TOKEN = "s3cr3t-token-of-ci"
AUDIT_TOKEN = "s3cr3t-token-of-audit"
LOCAL = Caller(name="local", tenant=TENANT, environments=(ENVIRONMENT,), roles=frozenset(Role))
AUDITOR = Caller(name="auditor", tenant=TENANT, environments=(ENVIRONMENT,), roles=frozenset({Role.AUDIT}))
BOOK = {Digest.of(TOKEN.encode()): CALLER, Digest.of(AUDIT_TOKEN.encode()): AUDITOR}


@dataclass
class ScriptedArchive:
    """An archive that holds nothing, or raises; remembers what it was asked for."""

    error: Exception | None = None
    asked: list[tuple[DecisionFilter, str | None, int, int | None]] = field(default_factory=list)

    def list_decisions(
        self, wanted: DecisionFilter, *, tenant: str | None, limit: int, before: int | None = None
    ) -> DecisionPage:
        self._fail()
        self.asked.append((wanted, tenant, limit, before))
        return DecisionPage(decisions=(), damages=(), next=None)

    def get_decision(self, decision_id: str, *, tenant: str | None) -> StoredDecision | None:
        self._fail()
        assert decision_id
        assert tenant
        return None

    def get_proof(self, decision_id: str, *, tenant: str | None) -> str | None:
        self.get_decision(decision_id, tenant=tenant)
        return None

    def walk(self, start: int, limit: int) -> WalkPage:
        self._fail()
        assert start >= 0
        assert limit > 0
        return WalkPage(next=None, size=0, damages=())

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


@dataclass
class Service:
    """The application; its parts can be exchanged before the first call."""

    world: World = field(default_factory=World)
    archive: DecisionArchive = field(default_factory=ScriptedArchive)
    error: Exception | None = None
    report: Mapping[str, str] = field(default_factory=lambda: {"opa": "", "policy": ""})
    warnings: Sequence[str] = ()
    local: Caller | None = LOCAL
    tenant: str = TENANT
    request_octets: int = 100_000
    key: Callable[[], str] = lambda: "log+0000+key"

    def gate(self, question: GateQuestion, caller: Caller, deadline: Deadline) -> GateAnswer:
        if self.error is not None:
            raise self.error
        return ask_gate(self.world.engine(), question, caller, deadline)

    def application(self) -> Flask:
        return create_service(
            ServiceParts(
                gate=self.gate,
                archive=self.archive,
                log_key=self.key,
                readiness=lambda _: self.report,
                warnings=lambda: self.warnings,
                callers=CallerBook(by_token=BOOK, local=self.local),
                metrics=self.world.metrics,
                metrics_text=lambda: b"assay_decisions_total 1.0\n",
                clock=self.world.clock,
                request_octets=self.request_octets,
                decision_seconds=10,
            )
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.application().test_client().get(path, headers=headers)

    def post(self, body: bytes | Mapping[str, object], **options: Any) -> TestResponse:
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        options.setdefault("content_type", "application/json")
        return self.application().test_client().post("/v1/gate", data=octets, **options)


def problem(response: TestResponse) -> tuple[int, str]:
    """Status and code of a problem document, after the checks that hold for every one."""
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = json.loads(response.text)
    assert document["status"] == response.status_code
    assert document["type"].endswith(document["code"])
    assert document["detail"]
    assert document["remedy"]
    assert ("Retry-After" in response.headers) is document["retryable"]
    return response.status_code, document["code"]


def typed(family: type[AssayError], code: str) -> AssayError:
    """An error of a family."""
    return family(code, "it went wrong", remedy="correct it")


class DamagedArchive(ScriptedArchive):
    """Reports one damage everywhere."""

    damage = Damage(part=RecordPart.LEAF, index=None, id="", detail="gone")

    def list_decisions(self, *_: object, **__: object) -> DecisionPage:
        return DecisionPage(decisions=(), damages=(self.damage,), next=7)

    def walk(self, *_: object) -> WalkPage:
        return WalkPage(next=500, size=1000, damages=(self.damage,))


@contextmanager
def logged_service(folder: Path) -> Iterator[Service]:
    """A service over a real log of three decisions, the last of them another tenant's."""
    folder.mkdir(mode=0o700)
    with running(folder) as client:
        for decision in (denied(0), denied(1), replace(denied(2), tenant="another")):
            client.record(decision, Deadline.after(10, time.monotonic))
        key = (folder / "checkpoint.pub").read_text("ascii").strip()
        yield Service(archive=open_archive(folder), key=lambda: key)
