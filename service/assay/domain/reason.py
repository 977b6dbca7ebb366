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
    "attestation_unsigned": ReasonClass(reason=GapReason.UNTRUSTED_SIGNER, retryable=False),
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
    "trust_root_unavailable": ReasonClass(reason=GapReason.STALE, retryable=True),
    "key_unavailable": ReasonClass(reason=GapReason.STALE, retryable=True),
    "config_malformed": ReasonClass(reason=GapReason.PARSE_ERROR, retryable=False),
}
"""Detail codes of gaps."""

REJECTION_CODES: dict[str, str] = {
    "digest_mismatch": "the registry served other bytes than the digest names",
    "manifest_malformed": "the manifest that holds the evidence cannot be read",
    "evidence_limit": "the evidence exceeds a limit",
    "bundle_malformed": "the evidence cannot be read as what it says it is",
    "bundle_unsupported": "the evidence is of a kind that is not verified (version, storage, certificate chain)",
    "unsigned": "nobody signed it, so it says nothing",
    "trust_profile_unmet": "the evidence has fewer log entries or timestamps than its trust root demands",
    "no_verified_time": "nothing establishes when the signature was made",
    "timestamp_invalid": "a timestamp (RFC 3161) does not hold",
    "certificate_expired": "the certificate was not valid when the signature was made",
    "chain_invalid": "the certificate does not lead to a certificate authority of the trust root",
    "leaf_unsuitable": "the certificate is not one that may sign",
    "sct_missing": "the certificate has fewer certificate timestamps (SCT) than its trust root demands",
    "sct_invalid": "a certificate timestamp (SCT) does not hold",
    "log_proof_invalid": "no log of the trust root vouches for the log entry",
    "signature_invalid": "the signature does not verify under the signer's key",
    "log_entry_kind_unsupported": "the log entry is of a kind or version that is not verified",
    "log_entry_mismatch": "the log entry is that of another signature",
    "subject_mismatch": "what is signed speaks about another digest",
    "predicate_type_mismatch": "the signed statement is of another type than its place demands",
    "identity_mismatch": "no configured authority names the signer",
    "trust_root_unavailable": "the trust root of an authority was never fetched, or is too old: nobody can judge this",
    "key_unavailable": "a key of an authority could not be fetched for too long: nobody can judge this",
    "internal": "an unexpected error; it is counted and denies",
}
"""Codes of rejected evidence, in the order of the verification steps."""

REMEDIES: dict[str, str] = {
    "absent": "sign the image, or attach the attestation",
    "all_rejected": "look at what was refused",
    "attestation_unsigned": "sign the index, or attach signed attestations",
    "bundle_malformed": "sign again with a tool that writes valid evidence",
    "bundle_unsupported": "sign with cosign or Assay, by key or identity",
    "certificate_expired": "sign while the certificate is valid",
    "chain_invalid": "get the certificate from an authority of the trust root",
    "config_malformed": "build the image again",
    "deadline_exceeded": "repeat with more time",
    "digest_mismatch": "do not use it; ask the registry's operator why its content changed",
    "evidence_limit": "remove evidence that nobody needs",
    "identity_mismatch": "sign as somebody who is trusted, or trust the signer",
    "internal": "report it with the command you ran",
    "key_unavailable": "repeat; `assay trust check` tells which key is missing and why",
    "leaf_unsuitable": "get a code signing certificate",
    "licence_undetected": "state the licence in the SBOM",
    "log_entry_kind_unsupported": "log with a supported kind of entry",
    "log_entry_mismatch": "attach the log entry of this signature",
    "log_proof_invalid": "log to a log of the trust root",
    "manifest_malformed": "push it again",
    "no_verified_time": "sign with a log or a timestamp authority",
    "not_collected": "do not demand it yet",
    "predicate_type_mismatch": "attach the statement where its type belongs",
    "provenance_malformed": "attest valid SLSA v1 provenance",
    "provenance_unsupported": "attest https://slsa.dev/provenance/v1",
    "registry_denied": "check the rights to read the repository",
    "registry_unavailable": "repeat when the registry is well",
    "sbom_malformed": "attest a valid SPDX or CycloneDX document",
    "sbom_unsupported": "attest SPDX 2.3 or CycloneDX 1.4 to 1.6",
    "sct_invalid": "get the certificate from an authority of the trust root",
    "sct_missing": "get the certificate from an authority that logs it",
    "signature_invalid": "sign with a key that is trusted, and do not change what was signed",
    "subject_mismatch": "sign or attest this very digest",
    "timestamp_invalid": "stamp again at a timestamp authority of the trust root",
    "trust_profile_unmet": "sign with the log and timestamp authority that the trust root demands",
    "trust_root_unavailable": "repeat; `assay trust check` tells which trust root is missing and why",
    "unsigned": "attest the document (assay attest)",
}
"""What to do about a gap or a rejection, by its code."""

RETRYABLE_CODES: frozenset[str] = frozenset(
    {code for code, entry in GAP_CODES.items() if entry.retryable}
    | {
        "policy_engine_unavailable",
        "log_unavailable",
        "log_overloaded",
        "service_unavailable",
        "database_unavailable",
        "cluster_unavailable",
        "namespace_unknown",
        "tags_unavailable",
    }
)
"""Codes after which the same call may succeed without anybody changing the image or the policy."""


def is_retryable(code: str) -> bool:
    """Whether repeating the same call may help; unknown codes are final."""
    return code in RETRYABLE_CODES
