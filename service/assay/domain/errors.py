"""Errors, in four families by who must act."""


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
