"""The order of the stages."""

from dataclasses import dataclass

from assay.domain.deadline import Deadline
from assay.domain.reference import Repository
from assay.ports import Clock, EvidenceSigner, Gate, RegistryWriter
from assay_builder.describe.licence_text import LicenceTexts
from assay_builder.parts import ContentStore, InputFetcher, Progress, Sandbox
from assay_builder.plan.plan import Plan
from assay_builder.stages import attest, gate, ingest, isolate, publish
from assay_builder.stages.attest import Attested, BuilderIdentity
from assay_builder.stages.gate import Gated
from assay_builder.stages.publish import Published


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildParts:
    """What every build needs."""

    clock: Clock
    fetcher: InputFetcher
    store: ContentStore
    sandbox: Sandbox
    signer: EvidenceSigner
    texts: LicenceTexts
    identity: BuilderIdentity
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Where an image goes when the gate allows it; `seconds` is the time for each of gate and push."""

    gate: Gate
    registry: RegistryWriter
    repository: Repository
    tags: tuple[str, ...]
    seconds: float

    def __post_init__(self) -> None:
        if not self.tags:
            raise ValueError("a publication without a tag publishes nothing")


def build(plan: Plan, parts: BuildParts) -> Attested:
    """Build, describe and sign; nothing leaves. Raises the errors of the stages."""
    ingested = ingest.run(
        plan,
        sandbox=parts.sandbox,
        fetcher=parts.fetcher,
        store=parts.store,
        started=parts.clock.now(),
        progress=parts.progress,
    )
    isolated = isolate.run(
        ingested, sandbox=parts.sandbox, store=parts.store, texts=parts.texts, progress=parts.progress
    )
    return attest.run(
        isolated,
        signer=parts.signer,
        identity=parts.identity,
        finished=parts.clock.now(),
        progress=parts.progress,
    )


def ask_gate(attested: Attested, publication: Publication, parts: BuildParts) -> Gated:
    """Ask whether the image may be published; the first tag is for display."""
    return gate.run(
        attested,
        gate=publication.gate,
        repository=publication.repository,
        tag=publication.tags[0],
        deadline=Deadline.after(publication.seconds, parts.clock.monotonic),
        progress=parts.progress,
    )


def publish_allowed(gated: Gated, publication: Publication, parts: BuildParts) -> Published:
    """Publish what the gate allowed; `InvalidInput(gate_denied)` otherwise."""
    return publish.run(
        gated,
        registry=publication.registry,
        tags=publication.tags,
        deadline=Deadline.after(publication.seconds, parts.clock.monotonic),
        progress=parts.progress,
    )
