"""Building the engine and everything the web servers need, from an installation whose processes run."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from assay.adapters.cache.database import VerdictDatabase
from assay.adapters.clock import SystemClock, new_identifier
from assay.adapters.log.archive import Archive
from assay.adapters.log.client import SequencerClient
from assay.adapters.log.draft import Drafting
from assay.adapters.log.pipeline import RecordPipeline
from assay.adapters.log.state import StateFolder
from assay.adapters.metrics.prometheus import PrometheusMetrics
from assay.adapters.opa.engine import OpaEngine
from assay.adapters.opa.generation import load_generation
from assay.adapters.registry.candidate import CandidateRegistry
from assay.adapters.registry.layout import OciLayout
from assay.adapters.supervision.log_lines import LogLines
from assay.adapters.trust.live_trust import LiveTrust
from assay.bootstrap.break_glass import open_break_glass
from assay.bootstrap.certificates import certificate_seconds, certificate_warnings
from assay.bootstrap.incidents import open_incident_desk, open_tag_guard
from assay.bootstrap.installation import Installation
from assay.bootstrap.registry import service_registry
from assay.bootstrap.revision import engine_revision
from assay.configuration.settings import CacheSettings
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.gate import Candidate
from assay.domain.kept_verdict import CacheLife
from assay.domain.limit import Limits
from assay.domain.record import DecisionFilter, DecisionPage, StoredDecision, WalkPage
from assay.licences.identifier import load_identifiers
from assay.ports import DecisionArchive, Registry
from assay.usecases.engine import Engine
from assay.usecases.incident_watch import IncidentWatch
from assay.usecases.memory import Memory

_PREPARATION_SECONDS = 2.0


class RunningArchive:
    """The archive of a log that may not exist yet: it is opened when it is first read."""

    def __init__(self, folder: Path) -> None:
        self._state = StateFolder(folder=folder)
        self._archive: Archive | None = None

    def verifier_key(self) -> str:
        """The log's verifier key; `Unavailable(database_unavailable)` before the sequencer's first start."""
        try:
            return self._state.verifier_key.read_text(encoding="ascii").strip()
        except OSError as error:
            raise Unavailable(
                "database_unavailable", "the decision log does not exist yet", remedy="wait for the sequencer"
            ) from error

    def _opened(self) -> DecisionArchive:
        if self._archive is None:
            self._archive = Archive(self._state.folder, self.verifier_key())
        return self._archive

    def list_decisions(
        self, wanted: DecisionFilter, *, tenant: str | None, limit: int, before: int | None = None
    ) -> DecisionPage:
        """See `DecisionArchive`."""
        return self._opened().list_decisions(wanted, tenant=tenant, limit=limit, before=before)

    def get_decision(self, decision_id: str, *, tenant: str | None) -> StoredDecision | None:
        """See `DecisionArchive`."""
        return self._opened().get_decision(decision_id, tenant=tenant)

    def get_proof(self, decision_id: str, *, tenant: str | None) -> str | None:
        """See `DecisionArchive`."""
        return self._opened().get_proof(decision_id, tenant=tenant)

    def walk(self, start: int, limit: int) -> WalkPage:
        """See `DecisionArchive`."""
        return self._opened().walk(start, limit)


class RunningEngine:
    """The engine of one process with the parts that readiness looks at; connects to nothing until it is asked."""

    def __init__(self, installation: Installation, generation: Path, lines: LogLines) -> None:
        self._lines = lines
        settings = installation.settings
        self._installation = installation
        limits = Limits()
        load_identifiers()
        self._drafting = Drafting(service_version=version("assay"))
        self._log = SequencerClient(StateFolder(folder=installation.state).socket, self._drafting)
        self._policy = OpaEngine(installation.opa_socket, load_generation(generation))
        self.archive = RunningArchive(installation.state)
        self._verdicts = VerdictDatabase(installation.cache)
        self.clock = SystemClock()
        self.metrics = PrometheusMetrics()
        self._trust = LiveTrust(
            installation.reread_trust, file=installation.file, clock=self.clock, metrics=self.metrics
        )
        layouts = installation.path(settings.layouts) if settings.layouts else None

        def open_layout(path: str) -> Registry:
            if layouts is None:
                raise InvalidInput(
                    "layout_unknown", "this service reads no layouts", remedy="ask the operator to configure `layouts`"
                )
            return OciLayout.open(layouts, path, limits=limits)

        def open_candidate(artefact: Artefact, candidate: Candidate) -> Registry:
            return CandidateRegistry.of(candidate, artefact, limits=limits)

        self.engine = Engine(
            registry=service_registry(installation, limits=limits, count=self.metrics.count_registry),
            open_layout=open_layout,
            open_candidate=open_candidate,
            policy=self._policy,
            trust=self._trust,
            log=self._log,
            clock=self.clock,
            metrics=self.metrics,
            limits=limits,
            new_id=new_identifier,
            memory=Memory(store=self._verdicts),
            life=_life(settings.cache),
            revision=engine_revision(settings),
            mirrors=settings.registries.mirror_names,
            formats=settings.evidence,
            break_glass=open_break_glass(installation),
            tags=open_tag_guard(installation),
        )

    def open_pipeline(self) -> RecordPipeline:
        """What records for the loop of a server; other processes have none."""
        return RecordPipeline(StateFolder(folder=self._installation.state).socket, self._drafting, self.clock.monotonic)

    def incident_watch(self) -> IncidentWatch:
        """What reports incidents with this engine; `ConfigError` naming what cannot be used."""
        return IncidentWatch(self.engine, open_incident_desk(self._installation))

    def readiness(self, deadline: Deadline) -> Mapping[str, str]:
        """Each part with the reason why it is not ready, or an empty text.

        The parts are asked at the same time: one that stands still does not use up the time of another.
        """
        with ThreadPoolExecutor(max_workers=2) as pool:
            opa = pool.submit(failure_of, lambda: self._policy.ping(deadline))
            database = pool.submit(failure_of, lambda: self._log.ping(deadline))
        return {
            "policy": "" if self._policy.loaded().rules else "no rules are loaded",
            "trust": self._untrusted(),
            "opa": opa.result(),
            "database": database.result(),
        }

    def begin(self) -> None:
        """Begin what runs beside the requests, in the process that answers them, and what the first would wait for.

        A part that does not answer yet is left alone: readiness tells.
        """
        self._lines.gather()
        self._trust.follow(threading.Event())
        deadline = Deadline.after(_PREPARATION_SECONDS, self.clock.monotonic)
        preparations: tuple[Callable[[], object], ...] = (
            self._verdicts.prepare,
            lambda: self._policy.prepare(deadline),
            lambda: self._log.ping(deadline),
        )
        for prepare in preparations:
            with suppress(Unavailable):
                prepare()

    def _untrusted(self) -> str:
        outage = self._trust.snapshot().outage()
        return "; ".join(filter(None, [outage, outage and self._trust.refused(), self._trust.stalled()]))

    def warnings(self) -> Sequence[str]:
        """What works and needs somebody all the same."""
        missing = self._trust.snapshot().missing()
        late = [f"{name} was not refreshed when it was due" for name in self._trust.late()]
        reasons = [f"trust: {text}" for text in (*missing, *late, self._trust.refused()) if text]
        return [*reasons, *certificate_warnings(self._installation, self.clock.now())]

    def certificate_seconds(self) -> Mapping[str, float]:
        """Seconds until the certificate of each server ends."""
        return certificate_seconds(self._installation, self.clock.now())

    def root_ages(self) -> Mapping[str, float]:
        """Seconds since each trust root that something refreshes was last confirmed."""
        now = self.clock.now()
        return {
            name: (now - origin.fetched_at).total_seconds()
            for name, origin in self._trust.snapshot().origins.items()
            if origin.fetched_at is not None
        }


def _life(settings: CacheSettings) -> CacheLife:
    return CacheLife(
        allow=timedelta(seconds=settings.allow_seconds),
        denial=timedelta(seconds=settings.denial_seconds),
        listing=timedelta(seconds=settings.listing_seconds),
    )


def failure_of(probe: Callable[[], object]) -> str:
    """Why a part cannot be used; empty when it can."""
    try:
        probe()
    except AssayError as error:
        return error.message
    return ""
