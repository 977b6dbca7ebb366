"""The WSGI applications of the workers that `assay serve` starts."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from flask import Flask

from assay.adapters.kubernetes.cluster import KubernetesCluster
from assay.adapters.metrics.prometheus import render_metrics
from assay.adapters.supervision.gunicorn_hooks import BEGIN, REFUSED
from assay.adapters.supervision.log_lines import log_plainly
from assay.adapters.supervision.loop_application import IN_LOOP, LoopApplication, Pipeline
from assay.bootstrap.cluster import open_cluster, open_objects, pulling_registries
from assay.bootstrap.engine import RunningEngine
from assay.bootstrap.installation import Installation
from assay.bootstrap.variables import CONFIGURATION_VARIABLE, GENERATION_VARIABLE
from assay.configuration.settings import WebhookSettings
from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.arming import Change
from assay.domain.caller import Caller
from assay.domain.coverage import Coverage
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, Unavailable
from assay.domain.gate import GateAnswer, GateQuestion
from assay.domain.http_call import AnswerSoon
from assay.domain.tenancy import find_tenancy
from assay.http.application import create_service
from assay.http.caller import CallerBook
from assay.http.parts import ServiceParts
from assay.ports import Clock, Cluster, ClusterObjects
from assay.ports.decision_pipeline import DecisionPipeline
from assay.ports.metrics import AdmissionMetrics
from assay.usecases.admit import AdmissionScope, Give, admit, admit_soon
from assay.usecases.engine import Engine
from assay.usecases.gate import ask_gate
from assay.usecases.record_arming import record_arming

_READINESS_SECONDS = 2.0


def running_engine() -> tuple[Installation, RunningEngine]:
    """The installation and the engine that the supervisor prepared for a worker; `ConfigError(not_supervised)`."""
    lines = log_plainly(sys.stderr)
    try:
        configuration, generation = os.environ[CONFIGURATION_VARIABLE], os.environ[GENERATION_VARIABLE]
    except KeyError as error:
        raise ConfigError(
            "not_supervised", f"the variable {error.args[0]} is not set", remedy="start the workers with `assay serve`"
        ) from error
    installation = Installation.load(Path(configuration))
    return installation, RunningEngine(installation, Path(generation), lines)


def service_from_environment() -> Flask:
    """The verification service."""
    installation, running = running_engine()
    settings = installation.settings

    def gate(question: GateQuestion, caller: Caller, deadline: Deadline) -> GateAnswer:
        return ask_gate(running.engine, question, caller, deadline)

    application = create_service(
        ServiceParts(
            gate=gate,
            archive=running.archive,
            log_key=running.archive.verifier_key,
            readiness=running.readiness,
            warnings=running.warnings,
            callers=CallerBook(by_token=dict(settings.service.callers), local=settings.service.local),
            metrics=running.metrics,
            metrics_text=lambda: render_metrics(running.root_ages(), running.certificate_seconds()),
            clock=running.clock,
            request_octets=settings.request_octets,
            decision_seconds=settings.decision_seconds,
        )
    )
    application.extensions.update({BEGIN: running.begin, REFUSED: partial(running.metrics.count_refusal, "service")})
    return application


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookParts:
    """What the admission webhook is built from.

    `failing` names what is not ready, `warnings` what needs somebody all the same; `extensions` are for the
    application, as its server expects them. `cluster` and `objects` are None when the configuration names no cluster;
    `record_arming` records that somebody disarmed or armed the webhook there.
    """

    admit: Callable[[AdmissionQuestion, Deadline], AdmissionAnswer]
    admit_soon: Callable[[AdmissionQuestion, Deadline, Give, Give], None]
    pipeline: Pipeline
    failing: Callable[[], list[str]]
    warnings: Callable[[], Sequence[str]]
    extensions: Mapping[str, Callable[..., None]]
    cluster: Cluster | None
    objects: ClusterObjects | None
    record_arming: Callable[[Change, Deadline], None]
    metrics: AdmissionMetrics
    clock: Clock
    coverage: Coverage
    timeout_seconds: int

    def begin_also(self, also: Callable[[], None]) -> Mapping[str, Callable[..., None]]:
        """The extensions, with something else to begin in every worker."""

        def begin() -> None:
            self.extensions[BEGIN]()
            also()

        return {**self.extensions, BEGIN: begin}

    def in_loop(self, answer_soon: AnswerSoon) -> Mapping[str, LoopApplication]:
        """The extension for an application that answers so."""
        return {IN_LOOP: LoopApplication(answer_soon=answer_soon, pipeline=self.pipeline)}


def webhook_parts_from_environment() -> WebhookParts:
    """The parts of the admission webhook."""
    installation, running = running_engine()
    webhook = installation.settings.webhook
    if webhook is None:
        raise ConfigError("webhook_missing", "the configuration has no webhook", remedy="add the section `webhook`")
    cluster = open_cluster(installation, clock=running.clock, metrics=running.metrics)
    engine = _pulling_engine(installation, running, cluster)
    find_scope = _scope_finder(webhook, cluster)
    pipeline = running.open_pipeline()

    def record(change: Change, deadline: Deadline) -> None:
        record_arming(running.engine, change, webhook.scopes, deadline)

    def failing() -> list[str]:
        deadline = Deadline.after(_READINESS_SECONDS, running.clock.monotonic)
        parts = {**running.readiness(deadline), "cluster": cluster.late() if cluster is not None else ""}
        return [part for part, reason in parts.items() if reason]

    incidents = running.incident_watch()

    def begin() -> None:
        running.metrics.prepare_admission()
        running.begin()
        incidents.follow(threading.Event())
        if cluster is not None:
            cluster.follow(threading.Event())

    return WebhookParts(
        admit=lambda question, deadline: admit(engine, question, find_scope(question), deadline),
        admit_soon=_admitting_soon(engine, pipeline, find_scope),
        pipeline=pipeline,
        failing=failing,
        warnings=lambda: [*running.warnings(), *incidents.warnings(), *_unguarded(webhook, cluster)],
        extensions={BEGIN: begin, REFUSED: partial(running.metrics.count_refusal, "webhook")},
        cluster=cluster,
        objects=open_objects(installation),
        record_arming=record,
        metrics=running.metrics,
        clock=running.clock,
        coverage=webhook.coverage,
        timeout_seconds=webhook.timeout_seconds,
    )


def _unguarded(webhook: WebhookSettings, cluster: KubernetesCluster | None) -> Iterator[str]:
    if not webhook.tls.client_ca:
        yield "callers: without webhook.tls.client_ca the webhook answers anybody who reaches it"
    for name in cluster.missing(webhook.coverage.exempt_namespaces) if cluster is not None else ():
        yield f"exempt_namespaces: {name} does not exist, and nothing is judged for whoever creates it"


def _pulling_engine(installation: Installation, running: RunningEngine, cluster: Cluster | None) -> Engine:
    pulling = pulling_registries(
        installation,
        cluster,
        running.engine.registry,
        clock=running.clock,
        limits=running.engine.limits,
        count=running.metrics.count_registry,
    )
    return replace(running.engine, pulling=pulling)


class _FindScope(Protocol):
    def __call__(self, question: AdmissionQuestion, *, may_wait: bool = True) -> AdmissionScope: ...


def _admitting_soon(
    engine: Engine, pipeline: DecisionPipeline, find_scope: _FindScope
) -> Callable[[AdmissionQuestion, Deadline, Give, Give], None]:
    def admit_in_loop(question: AdmissionQuestion, deadline: Deadline, now: Give, wait: Give) -> None:
        try:
            scope = find_scope(question, may_wait=False)
        except Unavailable:  # the namespace may be seen in a moment, which the loop does not wait for
            wait(lambda: admit(engine, question, find_scope(question), deadline))
        else:
            admit_soon(engine, pipeline, question, scope, deadline, now, wait)

    return admit_in_loop


def _scope_finder(webhook: WebhookSettings, cluster: Cluster | None) -> _FindScope:
    caller = "client certificate" if webhook.tls.client_ca else "unauthenticated"

    def find_scope(question: AdmissionQuestion, *, may_wait: bool = True) -> AdmissionScope:
        get_namespace = partial(cluster.get_namespace, may_wait=may_wait) if cluster is not None else None
        tenancy = find_tenancy(webhook.tenants, question.namespace, get_namespace)
        return AdmissionScope(
            tenant=tenancy.tenant,
            environment=tenancy.environment,
            caller=caller,
            namespace_labels=tenancy.namespace_labels,
        )

    return find_scope
