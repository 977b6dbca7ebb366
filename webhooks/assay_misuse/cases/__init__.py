"""The thirty cases."""

from assay_misuse.case import Case
from assay_misuse.cases.engine import ENGINE_CASES
from assay_misuse.cases.evidence import EVIDENCE_CASES
from assay_misuse.cases.policy import POLICY_CASES
from assay_misuse.cases.registry import REGISTRY_CASES
from assay_misuse.cases.workload import WORKLOAD_CASES

CASES: tuple[Case, ...] = tuple(
    sorted(
        (*ENGINE_CASES, *EVIDENCE_CASES, *POLICY_CASES, *REGISTRY_CASES, *WORKLOAD_CASES),
        key=lambda case: case.number,
    )
)
"""All cases by number."""
