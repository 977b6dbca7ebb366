"""What one process remembers between requests: verdicts on evidence, proofs about requests, work under way."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime

from assay.domain.admission import ImageAnswer
from assay.domain.decision import Outcome
from assay.domain.digest import Digest
from assay.domain.kept_verdict import EvidenceVerdict, KeptVerdict
from assay.domain.verdict_key import VerdictKey
from assay.ports import VerdictStore
from assay.usecases.flight import Flights
from assay.usecases.outage import Outages
from assay.usecases.proof import Proof
from assay.usecases.recent import Recent

_MIB = 1024 * 1024
_PROOF_OCTETS = 8 * 1024
_ENTRY_OCTETS = 4 * 1024


def _verdicts() -> "Recent[VerdictKey, KeptVerdict]":
    return Recent(
        entries=4096, octets=64 * _MIB, size_of=lambda kept: _ENTRY_OCTETS + sum(map(len, kept.found.facts.documents))
    )


def _proofs() -> "Recent[Digest, TimedProof]":
    return Recent(entries=1024, octets=1024 * _PROOF_OCTETS, size_of=lambda _: _PROOF_OCTETS)


def _outcomes() -> "Recent[Hashable, KeptOutcome]":
    return Recent(entries=2048, octets=32 * _MIB, size_of=lambda kept: _ENTRY_OCTETS + len(kept.outcome.document))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOutcome:
    """What a question was answered, while nothing that it followed from has changed.

    `verdicts` are those on its images, under their keys, with the age that was recorded of each; `proven` is the
    second, on the monotonic clock, at which the policy was asked about the request. `basis` stands for all that is
    common to every question of that moment.
    """

    outcome: Outcome
    images: tuple[ImageAnswer, ...]
    verdicts: tuple[tuple[VerdictKey, EvidenceVerdict, int], ...] = field(repr=False)
    basis: Hashable
    proven: float


def _confirmed() -> "Recent[VerdictKey, float]":
    return Recent(entries=4096, octets=4096, size_of=lambda _: 1)


def _confirmations() -> Flights:
    return Flights(slots=2, per_host=2)


def _ended() -> "Recent[VerdictKey, datetime]":
    return Recent(entries=4096, octets=4096, size_of=lambda _: 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedProof:
    """A proof with the second, on the monotonic clock, at which it was given."""

    proof: Proof
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bounded; `store` keeps verdicts when the process ends. `proofs` are those of request documents, by digest.

    `outcomes` are whole answers, by what was asked. `confirmed` says until which second, on the monotonic clock, a
    verdict is known to be the one in the store, and `confirmations` are those that are asked for ahead of that; `ended`
    says when something was found that no allow from before survives.
    """

    store: VerdictStore
    verdicts: Recent[VerdictKey, KeptVerdict] = field(default_factory=_verdicts)
    proofs: Recent[Digest, TimedProof] = field(default_factory=_proofs)
    outcomes: Recent[Hashable, KeptOutcome] = field(default_factory=_outcomes)
    flights: Flights = field(default_factory=Flights)
    confirmed: Recent[VerdictKey, float] = field(default_factory=_confirmed)
    confirmations: Flights = field(default_factory=_confirmations)
    ended: Recent[VerdictKey, datetime] = field(default_factory=_ended)
    outages: Outages = field(default_factory=Outages)
