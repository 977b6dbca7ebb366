"""Which verdicts may be kept, and how long they serve."""

from dataclasses import replace
from datetime import timedelta

import pytest

from assay.domain.decision import Severity, Stage, StageVerdict, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.kept_verdict import CacheLife, EvidenceVerdict, JudgedFacts, KeptVerdict
from assay.domain.reason import GAP_CODES, REJECTION_CODES
from tests.fakes.kept_verdict import FACTS, KEY, WARNING, kept_verdict
from tests.fakes.policy import NOW

LIFE = CacheLife()
FOUND = kept_verdict().found


def later(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_an_allow_serves_while_its_listing_is_young_and_stands_for_longer() -> None:
    kept = kept_verdict()
    assert [kept.fresh(NOW + later(age), LIFE) for age in (-0.1, 0, 59.9, 60)] == [False, True, True, False]
    assert [kept.stands(NOW + later(age), LIFE) for age in (-0.1, 0, 299.9, 300)] == [False, True, True, False]


def test_a_listing_that_was_made_again_does_not_prolong_the_decision() -> None:
    kept = kept_verdict(listed=NOW + later(290), decided=NOW)
    assert [kept.fresh(NOW + later(age), LIFE) for age in (289, 290, 299, 300)] == [False, True, True, False]


def test_an_allow_survives_its_registry_for_as_long_as_the_bound_says() -> None:
    kept, bound = kept_verdict(), later(600)
    assert [kept.survives(NOW + later(age), bound) for age in (-0.1, 0, 600, 600.1)] == [False, True, True, False]
    assert not kept_verdict(verdict=Verdict.DENY).survives(NOW, bound)


@pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.INDETERMINATE])
def test_anything_but_an_allow_is_short_lived(verdict: Verdict) -> None:
    kept = kept_verdict(verdict=verdict)
    assert [kept.fresh(NOW + later(age), LIFE) for age in (14.9, 15)] == [True, False]


@pytest.mark.parametrize("code", sorted(GAP_CODES))
def test_a_gap_that_may_pass_makes_nothing_definitive(code: str) -> None:
    gap = Gap(kind=GapKind.SBOM, reason=GAP_CODES[code].reason, code=code)
    found = replace(FOUND, facts=replace(FACTS, gaps=(gap,)))
    assert found.definitive is not GAP_CODES[code].retryable


def test_a_rejection_that_may_pass_makes_nothing_definitive() -> None:
    passing = {
        code
        for code in REJECTION_CODES
        if not replace(
            FOUND, facts=replace(FACTS, rejected=(Rejection(id=Digest.of(b""), code=code, detail=""),))
        ).definitive
    }
    assert passing == {"trust_root_unavailable", "key_unavailable", "internal"}


def test_what_no_rule_has_said_is_not_definitive() -> None:
    refused = replace(WARNING, rule="", status=Status.VIOLATION, severity=Severity.CRITICAL)
    stage = StageVerdict(stage=Stage.EVIDENCE, verdict=Verdict.DENY, findings=(refused,))
    assert not replace(FOUND, verdict=stage).definitive
    ruled = replace(stage, findings=(replace(refused, rule="rule/licence.rego:1"),))
    assert replace(FOUND, verdict=ruled).definitive


def test_what_is_not_definitive_cannot_be_kept() -> None:
    unjudged = EvidenceVerdict(facts=JudgedFacts(), verdict=replace(FOUND.verdict, verdict=Verdict.DENY))
    with pytest.raises(ValueError, match="definitive"):
        KeptVerdict(key=KEY, found=unjudged, listed=NOW, decided=NOW)


def test_nothing_was_listed_before_it_was_decided() -> None:
    with pytest.raises(ValueError, match="listed before"):
        kept_verdict(listed=NOW, decided=NOW + later(1))


def test_an_allow_needs_a_document() -> None:
    with pytest.raises(ValueError, match="an allow needs"):
        EvidenceVerdict(facts=JudgedFacts(), verdict=FOUND.verdict)


def test_a_verdict_for_everybody_names_no_reference() -> None:
    named = replace(FOUND.verdict, findings=(replace(WARNING, image="registry.example/app:v1"),))
    with pytest.raises(ValueError, match="names no reference"):
        replace(FOUND, verdict=named)
