"""The webhook of this process for the misuse suite: the real application, engine and OPA, all of it under control."""

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from assay.adapters.clock import new_identifier
from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.credential_source import CredentialSources
from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.kept_verdict import CacheLife
from assay.domain.limit import Limits
from assay.domain.policy import LoadedPolicy
from assay.formats.docker_config import DockerConfig
from assay.ports import PolicyEngine, Registry
from assay.usecases.admit import AdmissionScope, admit
from assay.usecases.engine import Engine
from assay.usecases.memory import Memory
from assay.verification.trust_root import TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot
from assay_misuse.bench import Answer, Entry
from assay_misuse.document import Stored
from assay_misuse.policy import BOARD, RELEASE, TENANT, Policy
from assay_misuse.signatory import Signatory
from assay_misuse.webhook import Answered, Hook, read_answer
from assay_misuse.workload import Json
from assay_webhooks.application import create_application
from tests.fakes.decision_log import MemoryLog
from tests.fakes.judge import ROOT
from tests.fakes.keyless_flaw import AUTHORITY, keyless_root, mint_keyless
from tests.fakes.metrics import CountingMetrics
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore

REMEMBERED, LISTED = 16 * 1024 * 1024, 60.0
"""Octets and seconds for which the service remembers, too."""


class SystemTime:
    """The clocks of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class Breakable:
    """Stands in front of a collaborator and raises instead of it while it is broken."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.error is not None:
            raise self.error
        return getattr(self._inner, name)


class AnsweringEngine:
    """A policy engine whose answers are changed before anybody sees them."""

    def __init__(self, inner: PolicyEngine) -> None:
        self._inner = inner
        self.answer: Answer | None = None

    def query(self, stage: Any, document: Mapping[str, object], deadline: Deadline) -> object:
        true = self._inner.query(stage, document, deadline)
        return self.answer(copy.deepcopy(true)) if self.answer else true

    def loaded(self) -> LoadedPolicy:
        return self._inner.loaded()

    def ping(self, deadline: Deadline) -> None:
        self._inner.ping(deadline)


@dataclass
class Trusting:
    """Who is trusted now; a request sees the moment it began."""

    release: bool = True
    keyless: bool = True
    root: TrustRoot = field(default_factory=keyless_root)

    def snapshot(self) -> TrustSnapshot:
        names = [*([RELEASE] if self.release else []), *BOARD]
        roots, unavailable = ({ROOT: self.root}, {}) if self.keyless else ({}, {ROOT: "it was not found"})
        authorities = [*(FakeAuthority(name).authority for name in names), AUTHORITY]
        return TrustSnapshot.of(authorities, roots, unavailable=unavailable)


class Stage:
    """Implements `Control` and `Webhook` for the application in this process."""

    def __init__(self, policy: PolicyEngine, registry: str) -> None:
        credential = Credential(username="misuse", secret="never leaves")
        config = DockerConfig(credentials={registry: credential}, helpers={}, store="")
        access = RegistryAccess(allowed=frozenset({registry}), plain_http=frozenset({registry}))
        self.client = RegistryClient(
            access=access,
            limits=Limits(),
            credentials=CredentialSources(configs=[config]),
            remembered_octets=REMEMBERED,
            listing_seconds=LISTED,
        )
        self.log, self.metrics, self.trusting = MemoryLog(), CountingMetrics(), Trusting()
        self.answering = AnsweringEngine(policy)
        self.collaborators = {
            "registry": Breakable(self.client),
            "policy": Breakable(self.answering),
            "trust": Breakable(self.trusting),
            "log": Breakable(self.log),
            "clock": Breakable(SystemTime()),
            "metrics": Breakable(self.metrics),
        }
        self.environment = Policy.STANDARD
        self.application = self._create()

    def engine(self) -> Engine:
        parts: dict[str, Any] = dict(self.collaborators)
        return Engine(
            **parts,
            open_layout=_no_layout,
            open_candidate=_no_candidate,
            limits=Limits(),
            new_id=new_identifier,
            memory=Memory(store=MemoryStore()),
            life=CacheLife(),
            revision=Digest.of(b"release"),
        )

    def _create(self) -> Flask:
        def decide(question: AdmissionQuestion, deadline: Deadline) -> AdmissionAnswer:
            scope = AdmissionScope(tenant=TENANT, environment=self.environment.value, caller="client certificate")
            return admit(self.engine(), question, scope, deadline)

        parts: Any = self.collaborators
        return create_application(decide, parts["metrics"], lambda: (), parts["clock"])

    def hooks(self) -> frozenset[Hook]:
        return frozenset(Hook)

    def ask(self, hook: Hook, review: Json, *, seconds: int) -> Answered:
        begun = time.monotonic()
        answer = self.application.test_client().post(f"/{hook}?timeout={seconds}s", json=review)
        spent = time.monotonic() - begun
        if answer.status_code != 200:
            return Answered(allowed=None, why=f"HTTP {answer.status_code}: {answer.text}", seconds=spent)
        return read_answer(answer.get_json(), review, seconds=spent)

    @contextmanager
    def policy(self, policy: Policy) -> Iterator[None]:
        self.environment = policy
        try:
            yield
        finally:
            self.environment = Policy.STANDARD

    @contextmanager
    def trust(self, *, release: bool = True, keyless: bool = True) -> Iterator[None]:
        self.trusting.release, self.trusting.keyless = release, keyless
        try:
            yield
        finally:
            self.trusting.release = self.trusting.keyless = True

    @contextmanager
    def engine_answering(self, answer: Answer) -> Iterator[None]:
        self.answering.answer = answer
        try:
            yield
        finally:
            self.answering.answer = None

    @contextmanager
    def breaking(self, collaborator: str, error: Exception) -> Iterator[None]:
        self.collaborators[collaborator].error = error
        try:
            yield
        finally:
            self.collaborators[collaborator].error = None

    def keyless(self, subject: Stored, flaw: str) -> Mapping[str, bytes]:
        minted = mint_keyless(subject.octets, flaw)
        signatures = {f"signature {number}": item.content for number, item in enumerate(minted)}
        good = Signatory(signer=FakeAuthority(RELEASE)).evidence(subject)
        return {**signatures, "provenance": good["provenance"], "sbom": good["sbom"]}

    def entries(self) -> Sequence[Entry]:
        return [Entry(verdict=item.verdict.value, dry_run=item.dry_run) for item in self.log.decisions]


def _no_layout(path: str) -> Registry:
    raise InvalidInput("layout_unknown", f"there is no layout {path}", remedy="name an image in a registry")


def _no_candidate(*_: object) -> Registry:
    raise InvalidInput("layout_unknown", "there is no candidate", remedy="name an image in a registry")
