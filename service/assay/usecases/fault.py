"""What becomes of evidence that could not be read: gaps where repeating or room is the question, else a rejection."""

from collections.abc import Iterable

from assay.domain.digest import Digest
from assay.domain.errors import AssayError
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.reason import GAP_CODES, REJECTION_CODES


def gaps_of(error: AssayError, kinds: Iterable[GapKind]) -> list[Gap]:
    """A gap of each kind; an error that concerns more than one piece of evidence is raised again."""
    if error.code not in GAP_CODES:
        raise error
    reason = GAP_CODES[error.code].reason
    return [Gap(kind=kind, reason=reason, code=error.code, detail=error.message) for kind in kinds]


def rejection_of(error: AssayError, rejected: Digest) -> Rejection:
    """The rejection of one piece of evidence; an error that concerns more than one is raised again."""
    if error.code not in REJECTION_CODES:
        raise error
    return Rejection(id=rejected, code=error.code, detail=error.message)
