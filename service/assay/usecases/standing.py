"""Whose evidence counts: claims of authorities that the environment names, kind by kind.

Every configured key verifies signatures, also those that other tenants configured. What such a key says about this
tenant's image must neither prove nor disturb anything, so it is rejected before anybody reads it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.domain.evidence import Claim, Gap, GapKind, Rejection, SignatureClaim
from assay.domain.reason import GAP_CODES
from assay.usecases.describe import predicate_kind
from assay.verification.trust_snapshot import TrustSnapshot

Named = Mapping[GapKind, frozenset[str]]
"""The authorities that are named for each kind; a kind that is missing has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The claims that count, and a rejection (`identity_mismatch`) for each of the others."""

    claims: tuple[Claim, ...]
    rejected: tuple[Rejection, ...]


def hear(claims: Iterable[Claim], named: Named) -> Heard:
    """Divide verified claims into those of named authorities and the others.

    A claim counts when an authority that holds its key is named for its kind; an attestation of a type that stands
    for no kind, when one is named for any.
    """
    counting: list[Claim] = []
    rejected: list[Rejection] = []
    for claim in claims:
        if _named_for(claim, named).isdisjoint(claim.authorities):
            detail = "no authority that this environment names for such evidence holds the key that signed"
            rejected.append(Rejection(id=claim.item, code="identity_mismatch", detail=detail))
        else:
            counting.append(claim)
    return Heard(claims=tuple(counting), rejected=tuple(rejected))


def find_unjudged(rejected: Iterable[Rejection], named: Named, trust: TrustSnapshot) -> tuple[Gap, ...]:
    """The kinds of fact that evidence nobody could judge may have been about, as gaps.

    What an authority without its trust root or one of its keys has signed is unread: it may prove what is demanded, and
    it may be what a rule would object to. So every kind for which the environment names such an authority stays open.
    """
    codes = {rejection.code for rejection in rejected}
    gaps: list[Gap] = []
    # Of evidence that two groups of authorities cannot judge, only `key_unavailable`, the later row, is told.
    if codes & {"trust_root_unavailable", "key_unavailable"}:
        gaps += _open(named, "trust_root_unavailable", trust.waiting(), sorted(trust.unavailable))
    if "key_unavailable" in codes:
        names = sorted({key.name for authority in trust.authorities for key in authority.missing_keys})
        gaps += _open(named, "key_unavailable", trust.lacking(), names)
    return tuple(gaps)


def _open(named: Named, code: str, authorities: frozenset[str], missing: Sequence[str]) -> Iterator[Gap]:
    detail = ", ".join(missing)
    for kind, names in named.items():
        if not names.isdisjoint(authorities):
            yield Gap(kind=kind, reason=GAP_CODES[code].reason, code=code, detail=detail)


def _named_for(claim: Claim, named: Named) -> frozenset[str]:
    if isinstance(claim, SignatureClaim):
        return named.get(GapKind.SIGNATURE, frozenset())
    kind = predicate_kind(claim.predicate_type)
    return named.get(kind, frozenset()) if kind else frozenset().union(*named.values())
