"""What one process remembers between requests: verdicts on evidence, proofs about requests, work under way."""

from dataclasses import dataclass, field

from assay.domain.digest import Digest
from assay.domain.kept_verdict import KeptVerdict
from assay.domain.verdict_key import VerdictKey
from assay.ports import VerdictStore
from assay.usecases.flight import Flights
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedProof:
    """A proof with the second, on the monotonic clock, at which it was given."""

    proof: Proof
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bounded; `store` keeps verdicts when the process ends. `proofs` are those of request documents, by digest."""

    store: VerdictStore
    verdicts: Recent[VerdictKey, KeptVerdict] = field(default_factory=_verdicts)
    proofs: Recent[Digest, TimedProof] = field(default_factory=_proofs)
    flights: Flights = field(default_factory=Flights)
