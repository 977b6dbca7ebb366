"""A verdict on evidence, and how long it may be kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.domain.compressed import Compressed
from assay.domain.decision import StageVerdict, Verdict
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, Rejection
from assay.domain.reason import is_retryable
from assay.domain.verdict_key import VerdictKey

_PASSING_REJECTIONS = frozenset({"trust_root_unavailable", "key_unavailable", "internal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFacts:
    """What was established about an artefact, and what was not; two that are equal have one verdict.

    `documents` are the canonical forms of those that the policy judges, one for each platform of an index. `evidence`
    are the digests of the verified items that count; what was rejected anybody can pile up, so it is not listed there.
    `source_commit` is the commit that provenance names, or empty when there is none or several disagree.
    """

    documents: tuple[Compressed, ...] = ()
    gaps: tuple[Gap, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    evidence: tuple[Digest, ...] = ()
    source_commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceVerdict:
    """The verdict on one artefact's evidence with everything that explains it, whoever asks and by whatever tag.

    Findings name no image: by which reference it was asked for is not part of this. An `ALLOW` without a document
    cannot be built (`ValueError`).
    """

    facts: JudgedFacts
    verdict: StageVerdict

    def __post_init__(self) -> None:
        if self.verdict.verdict is Verdict.ALLOW and not self.facts.documents:
            raise ValueError("an allow needs the document it was decided on")
        if any(finding.image for finding in self.verdict.findings):
            raise ValueError("a verdict for everybody names no reference")

    @property
    def definitive(self) -> bool:
        """Whether asking again can only give the same: all was fetched and judged, and rules alone have spoken."""
        return (
            bool(self.facts.documents)
            and not any(is_retryable(gap.code) for gap in self.facts.gaps)
            and not any(item.code in _PASSING_REJECTIONS for item in self.facts.rejected)
            and all(finding.rule for finding in self.verdict.findings)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLife:
    """How long what is kept may serve: allows and what else was decided, what was listed, and what a request got."""

    allow: timedelta = timedelta(seconds=300)
    denial: timedelta = timedelta(seconds=15)
    listing: timedelta = timedelta(seconds=60)
    request: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVerdict:
    """A definitive verdict under its key; `listed` is when its evidence was last listed whole, `decided` is older.

    One that is not definitive, or was listed before it was decided, cannot be built (`ValueError`).
    """

    key: VerdictKey
    found: EvidenceVerdict
    listed: datetime
    decided: datetime

    def __post_init__(self) -> None:
        if not self.found.definitive:
            raise ValueError("only what is definitive is kept")
        if self.listed < self.decided:
            raise ValueError("what was decided was listed before")

    def stands(self, now: datetime, life: CacheLife) -> bool:
        """Whether the verdict may still be given for the same evidence; never when the clock was set back."""
        allowed = self.found.verdict.verdict is Verdict.ALLOW
        return self.decided <= now < self.decided + (life.allow if allowed else life.denial)

    def survives(self, now: datetime, bound: timedelta) -> bool:
        """Whether an allow may be given although its registry cannot be asked; never when the clock was set back."""
        return self.found.verdict.verdict is Verdict.ALLOW and self.listed <= now <= self.listed + bound

    def fresh(self, now: datetime, life: CacheLife) -> bool:
        """Whether it may be given without looking what lies beside the artefact."""
        return self.stands(now, life) and self.listed <= now < self.listed + life.listing
