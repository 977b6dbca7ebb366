"""What the workers of the provider for Gatekeeper are built from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from assay.adapters.supervision.gunicorn_hooks import BEGIN, REFUSED
from assay.adapters.supervision.peer import certified_names
from assay.bootstrap.applications import running_engine
from assay.domain.admission import AdmissionAnswer
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, ConfigError
from assay.domain.provider import ProviderQuestion, Purpose
from assay.ports import Clock
from assay.ports.metrics import ProviderMetrics
from assay.usecases.provide import ProviderScope, provide


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderParts:
    """What the provider is built from; `extensions` are for the application, as its server expects them."""

    provide: Callable[[ProviderQuestion, Deadline], Sequence[AdmissionAnswer | AssayError]]
    names_of: Callable[[Mapping[str, Any]], frozenset[str]]
    client_names: frozenset[str]
    seconds: Mapping[Purpose, float]
    extensions: Mapping[str, Callable[..., None]]
    metrics: ProviderMetrics
    clock: Clock


def provider_parts_from_environment() -> ProviderParts:
    """The parts of the provider."""
    installation, running = running_engine()
    provider = installation.settings.provider
    if provider is None:
        raise ConfigError("provider_missing", "the configuration has no provider", remedy="add the section `provider`")
    scope = ProviderScope(tenant=provider.tenant, environment=provider.environment)

    def answer(question: ProviderQuestion, deadline: Deadline) -> Sequence[AdmissionAnswer | AssayError]:
        return provide(running.engine, question, scope, deadline)

    return ProviderParts(
        provide=answer,
        names_of=certified_names,
        client_names=provider.client_names,
        seconds={
            Purpose.VALIDATE: provider.validation_milliseconds / 1000,
            Purpose.MUTATE: provider.mutation_milliseconds / 1000,
        },
        extensions={BEGIN: running.begin, REFUSED: partial(running.metrics.count_refusal, "provider")},
        metrics=running.metrics,
        clock=running.clock,
    )
