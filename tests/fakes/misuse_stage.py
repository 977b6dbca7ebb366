"""The webhook of this process for the misuse suite: the real application, engine and OPA, all of it under control."""

import copy
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from assay.adapters.clock import new_identifier
from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.credential_source import CredentialSources
from assay.configuration.preset import PRESETS
from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.coverage import Coverage
from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.kept_verdict import CacheLife
from assay.domain.limit import Limits
from assay.domain.policy import LoadedPolicy
from assay.domain.tenancy import TenantRule, find_tenancy
from assay.formats.docker_config import DockerConfig
from assay.ports import PolicyEngine, Registry
from assay.usecases.admit import AdmissionScope, admit
from assay.usecases.engine import Engine
from assay.usecases.memory import Memory
from assay.usecases.pulling import PullingRegistries
from assay.verification.trust_root import TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot
from assay_misuse.bench import LABELLED_NAMESPACE, LAX_LABEL, LAX_NAMESPACE, OTHER_NAMESPACE, Answer, Entry, Readiness
from assay_misuse.document import Stored
from assay_misuse.policy import BOARD, RELEASE, TENANT, Policy
from assay_misuse.signatory import Signatory
from assay_misuse.webhook import Answered, Hook, read_answer
from assay_misuse.workload import NAMESPACE, Json
from assay_webhooks.application import create_application
from tests.fakes.cluster import FakeCluster
from tests.fakes.decision_log import MemoryLog
from tests.fakes.flawed_grant import USED_UP, grant_id, mint_flawed_grant
from tests.fakes.grants import SECURITY, glass
from tests.fakes.judge import ROOT
from tests.fakes.keyless_flaw import AUTHORITY, keyless_root, mint_keyless
from tests.fakes.metrics import CountingMetrics
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore

REMEMBERED = 16 * 1024 * 1024
"""Octets of content that the service remembers, too."""

NAMESPACES: dict[str, dict[str, str]] = {
    NAMESPACE: {},
    OTHER_NAMESPACE: {},
    LAX_NAMESPACE: {},
    LABELLED_NAMESPACE: dict([LAX_LABEL]),
}


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
        authorities = [*(FakeAuthority(name).authority for name in names), AUTHORITY, SECURITY.authority]
        return TrustSnapshot.of(authorities, roots, unavailable=unavailable)


class Stage:
    """Implements `Control` and `Webhook` for the application in this process."""

    def __init__(self, policy: PolicyEngine, registry: str) -> None:
        credential = Credential(username="misuse", secret="never leaves")
        config = DockerConfig(credentials={registry: credential}, helpers={}, store="")
        access = RegistryAccess(allowed=frozenset({registry}), plain_http=frozenset({registry}))
        self.opened: list[RegistryClient] = []
        self.client = RegistryClient(
            access=access,
            limits=Limits(),
            credentials=CredentialSources(configs=[config]),
            remembered_octets=REMEMBERED,
        )
        self.registry, self.access = registry, access
        self.log, self.metrics, self.trusting = MemoryLog(), CountingMetrics(), Trusting()
        self.cluster = FakeCluster(labels=NAMESPACES)
        self.glass, self.grants = glass()
        self.store = MemoryStore()
        self.memory = Memory(store=self.store)
        self.answering = AnsweringEngine(policy)
        self.collaborators = {
            "registry": Breakable(self.client),
            "policy": Breakable(self.answering),
            "trust": Breakable(self.trusting),
            "log": Breakable(self.log),
            "clock": Breakable(SystemTime()),
            "metrics": Breakable(self.metrics),
        }
        self.pulling = PullingRegistries(
            cluster=self.cluster,
            configured=self.engine().registry,
            open_registry=self._open_registry,
            clock=self.engine().clock,
        )
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
            memory=self.memory,
            life=CacheLife(),
            revision=Digest.of(b"release"),
            break_glass=self.glass,
        )

    def _open_registry(self, configs: Sequence[DockerConfig]) -> Registry:
        client = RegistryClient(access=self.access, limits=Limits(), credentials=CredentialSources(configs=configs))
        self.opened.append(client)
        return client

    def _create(self) -> Flask:
        def decide(question: AdmissionQuestion, deadline: Deadline) -> AdmissionAnswer:
            tenancy = find_tenancy(self._tenants(), question.namespace, self.cluster.get_namespace)
            scope = AdmissionScope(
                tenant=tenancy.tenant,
                environment=tenancy.environment,
                caller="client certificate",
                namespace_labels=tenancy.namespace_labels,
            )
            return admit(replace(self.engine(), pulling=self.pulling), question, scope, deadline)

        parts: Any = self.collaborators
        coverage = Coverage(custom_resources=PRESETS["argo-rollouts"])
        return create_application(
            decide,
            parts["metrics"],
            lambda: ["trust"] if self.trusting.snapshot().outage() else [],
            parts["clock"],
            coverage=coverage,
            warnings=lambda: self.trusting.snapshot().missing(),
        )

    def _tenants(self) -> Sequence[TenantRule]:
        lax = Policy.LAX_LICENCES.value
        return (
            TenantRule(tenant=TENANT, environment=lax, names=frozenset({LAX_NAMESPACE})),
            TenantRule(tenant=TENANT, environment=lax, labels=(LAX_LABEL,)),
            TenantRule(tenant=TENANT, environment=self.environment.value),
        )

    def close(self) -> None:
        for client in (self.client, *self.opened):
            client.close()

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

    @contextmanager
    def pull_secret(self, namespace: str, name: str, user: str) -> Iterator[None]:
        login = {"username": user, "password": "of the owner"}
        self.cluster.pull_secrets[namespace, name] = json.dumps({"auths": {self.registry: login}}).encode()
        try:
            yield
        finally:
            del self.cluster.pull_secrets[namespace, name]

    @contextmanager
    def exception(self, subject: Stored, flaw: str) -> Iterator[None]:
        self.grants.bundles = [mint_flawed_grant(Digest(subject.digest), flaw)]
        if flaw == USED_UP:
            self.grants.uses[grant_id(Digest(subject.digest))] = {f"decision {number}" for number in range(10)}
        try:
            yield
        finally:
            self.grants.bundles = []

    def keyless(self, subject: Stored, flaw: str) -> Mapping[str, bytes]:
        minted = mint_keyless(subject.octets, flaw)
        signatures = {f"signature {number}": item.content for number, item in enumerate(minted)}
        good = Signatory(signer=FakeAuthority(RELEASE)).evidence(subject)
        return {**signatures, "provenance": good["provenance"], "sbom": good["sbom"]}

    def restart(self) -> None:
        self.memory = Memory(store=self.store)

    def readiness(self) -> Readiness:
        answer = self.application.test_client().get("/readyz")
        told = answer.get_json()
        return Readiness(ready=answer.status_code == 200, told=(*told["failing"], *told["warnings"]))

    def entries(self) -> Sequence[Entry]:
        return [Entry(verdict=item.verdict.value, dry_run=item.dry_run) for item in self.log.decisions]


def _no_layout(path: str) -> Registry:
    raise InvalidInput("layout_unknown", f"there is no layout {path}", remedy="name an image in a registry")


def _no_candidate(*_: object) -> Registry:
    raise InvalidInput("layout_unknown", "there is no candidate", remedy="name an image in a registry")
