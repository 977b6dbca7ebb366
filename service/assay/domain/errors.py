"""Errors, in four families by who must act, and the alarm of the decision log."""

from enum import StrEnum


class AssayError(Exception):
    """An error with a stable code, a message that names the thing, and the remedy.

    `code` is lower_snake_case and part of the public interface (problem documents, exit codes, metrics).
    `str(error)` is "message; remedy" and never contains a credential.
    """

    retryable = False

    def __init__(self, code: str, message: str, *, remedy: str) -> None:
        super().__init__(f"{message}; {remedy}")
        self.code = code
        self.message = message
        self.remedy = remedy


class InvalidInput(AssayError):
    """The caller gave something that cannot be used: the caller must act."""


class EvidenceRejected(AssayError):
    """A piece of evidence does not hold: the image's owner must act.

    Raised inside `formats` and `verification` only; above `usecases.collect` it travels as `evidence.Rejection`.
    """


class Unavailable(AssayError):
    """Something we depend on did not answer: the operator must act, and the call may be repeated."""

    retryable = True


class ConfigError(AssayError):
    """The configuration cannot be used: the operator must act, at start."""


class RecordPart(StrEnum):
    """What of a recorded decision, or of the log around it, can be found damaged."""

    DECISION = "decision"
    ID = "id"
    INDEX = "index"
    KIND = "kind"
    TIME = "time"
    TENANT = "tenant"
    ENVIRONMENT = "environment"
    VERDICT = "verdict"
    RETRYABLE = "retryable"
    DRY_RUN = "dry_run"
    INPUT = "input"
    REPORT = "report"
    POLICY = "policy"
    RULE_DATA = "rule_data"
    TRUST_ROOT = "trust_root"
    OPA = "opa"
    SOURCE_COMMIT = "source_commit"
    SERVICE_VERSION = "service_version"
    CALLER = "caller"
    IMAGE = "image"
    FINDING = "finding"
    PREIMAGE = "preimage"
    LEAF = "leaf"
    NODE = "node"
    CHECKPOINT = "checkpoint"
    DATABASE = "database"


class RecordCorrupt(AssayError):
    """A record of the decision log is not what was committed to: the operator must treat it as an incident.

    The code is `record_corrupt`; `part` names what is damaged.
    """

    def __init__(self, part: RecordPart, message: str) -> None:
        super().__init__(
            "record_corrupt",
            message,
            remedy="treat the log as tampered with: keep the state folder and run `assay audit verify`",
        )
        self.part = part
