"""One table of reasons: what it is called, whether repeating can help, and who must act.

Papers, metrics, problem documents, admission messages and exit codes all use these codes and no others.
"""

from dataclasses import dataclass
from enum import StrEnum


class GapReason(StrEnum):
    """Why a fact could not be established (closed set of `assay.input/v1`)."""

    NOT_FOUND = "not_found"
    NOT_COLLECTED = "not_collected"
    FETCH_ERROR = "fetch_error"
    BAD_SIGNATURE = "bad_signature"
    UNTRUSTED_SIGNER = "untrusted_signer"
    PARSE_ERROR = "parse_error"
    UNSUPPORTED_FORMAT = "unsupported_format"
    AMBIGUOUS = "ambiguous"
    STALE = "stale"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonClass:
    """What follows from a detail code: its gap reason and whether the same call may succeed later."""

    reason: GapReason
    retryable: bool


GAP_CODES: dict[str, ReasonClass] = {
    "absent": ReasonClass(reason=GapReason.NOT_FOUND, retryable=False),
    "all_rejected": ReasonClass(reason=GapReason.BAD_SIGNATURE, retryable=False),
    "not_collected": ReasonClass(reason=GapReason.NOT_COLLECTED, retryable=False),
    "registry_unavailable": ReasonClass(reason=GapReason.FETCH_ERROR, retryable=True),
    "registry_denied": ReasonClass(reason=GapReason.FETCH_ERROR, retryable=True),
    "deadline_exceeded": ReasonClass(reason=GapReason.FETCH_ERROR, retryable=True),
    "digest_mismatch": ReasonClass(reason=GapReason.PARSE_ERROR, retryable=False),
    "manifest_malformed": ReasonClass(reason=GapReason.PARSE_ERROR, retryable=False),
    "evidence_limit": ReasonClass(reason=GapReason.TOO_LARGE, retryable=False),
    "sbom_malformed": ReasonClass(reason=GapReason.PARSE_ERROR, retryable=False),
    "sbom_unsupported": ReasonClass(reason=GapReason.UNSUPPORTED_FORMAT, retryable=False),
    "provenance_malformed": ReasonClass(reason=GapReason.PARSE_ERROR, retryable=False),
    "provenance_unsupported": ReasonClass(reason=GapReason.UNSUPPORTED_FORMAT, retryable=False),
    "licence_undetected": ReasonClass(reason=GapReason.PARSE_ERROR, retryable=False),
    "config_malformed": ReasonClass(reason=GapReason.PARSE_ERROR, retryable=False),
}
"""Detail codes of gaps."""

REJECTION_CODES: dict[str, str] = {
    "bundle_malformed": "the evidence cannot be read as what it says it is",
    "bundle_unsupported": "the evidence is of a kind this release does not verify (certificate, log entry, version)",
    "signature_invalid": "the signature does not verify under any trusted key",
    "identity_mismatch": "no configured authority holds the key that signed",
    "subject_mismatch": "the signed statement speaks about another digest",
    "predicate_type_mismatch": "the signed statement is of another type than its place demands",
    "digest_mismatch": "the registry served other bytes than the digest names",
    "manifest_malformed": "the manifest that holds the evidence cannot be read",
    "evidence_limit": "the evidence exceeds a limit",
    "internal": "an unexpected error; it is counted and denies",
}
"""Codes of rejected evidence, in the order of the verification steps."""

RETRYABLE_CODES: frozenset[str] = frozenset(
    {code for code, entry in GAP_CODES.items() if entry.retryable}
    | {
        "policy_engine_unavailable",
        "log_unavailable",
        "log_overloaded",
        "service_unavailable",
        "database_unavailable",
    }
)
"""Codes after which the same call may succeed without anybody changing the image or the policy."""


def is_retryable(code: str) -> bool:
    """Whether repeating the same call may help; unknown codes are final."""
    return code in RETRYABLE_CODES
