"""What one process remembers between requests: verdicts on evidence, proofs about requests, work under way."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from assay.domain.admission import ImageAnswer
from assay.domain.decision import Finding, Outcome
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, Rejection
from assay.domain.kept_verdict import EvidenceVerdict, KeptVerdict
from assay.domain.recent import Recent
from assay.domain.verdict_key import VerdictKey
from assay.ports import VerdictStore
from assay.usecases.flight import Flights
from assay.usecases.outage import Outages
from assay.usecases.proof import Proof

_MIB = 1024 * 1024
_ENTRY_OCTETS = 2 * 1024
_ITEM_OCTETS = 256
"""Roughly what a gap, a rejection or a finding takes beside its text; those of one image are many if somebody likes."""


def _octets_of_items(gaps: Sequence[Gap], rejected: Sequence[Rejection], findings: Sequence[Finding]) -> int:
    details = sum(len(gap.detail) for gap in gaps) + sum(len(item.detail) for item in rejected)
    told = sum(len(finding.msg + finding.term) for finding in findings)
    return details + told + _ITEM_OCTETS * (len(gaps) + len(rejected) + len(findings))


def _octets_of_verdict(kept: KeptVerdict) -> int:
    facts = kept.found.facts
    streams = sum(len(document.stream) for document in facts.documents)
    return _ENTRY_OCTETS + streams + _octets_of_items(facts.gaps, facts.rejected, kept.found.verdict.findings)


def _octets_of_proof(timed: "TimedProof") -> int:
    answer = timed.proof.answer
    texts = sum(len(finding.msg + finding.term) for finding in answer.findings)
    return _ENTRY_OCTETS + texts + _ITEM_OCTETS * (len(answer.findings) + len(answer.checked) + len(answer.images))


def _octets_of_outcome(kept: "KeptOutcome") -> int:
    outcome = kept.outcome
    items = _octets_of_items(outcome.gaps, outcome.rejected, outcome.findings)
    return _ENTRY_OCTETS * (1 + len(kept.images)) + len(outcome.document.stream) + items


def _verdicts() -> "Recent[VerdictKey, KeptVerdict]":
    return Recent(entries=4096, octets=64 * _MIB, size_of=_octets_of_verdict)


def _proofs() -> "Recent[Digest, TimedProof]":
    return Recent(entries=2048, octets=8 * _MIB, size_of=_octets_of_proof)


def _outcomes() -> "Recent[Hashable, KeptOutcome]":
    return Recent(entries=2048, octets=32 * _MIB, size_of=_octets_of_outcome)


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
    return Recent.of(4096)


def _confirmations() -> Flights:
    return Flights(slots=2, per_host=2)


def _ended() -> "Recent[VerdictKey, datetime]":
    return Recent.of(4096)


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
