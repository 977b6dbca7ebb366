"""Exit codes, one meaning each."""

from enum import IntEnum

from assay.domain.decision import Verdict
from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable

_USAGE_CODES = frozenset(
    {
        "answer_invalid",
        "body_too_large",
        "caller_unknown",
        "content_type_unsupported",
        "decision_unknown",
        "digest_malformed",
        "environment_forbidden",
        "folder_in_use",
        "identity_token_unusable",
        "image_path_conflict",
        "image_path_too_long",
        "json_malformed",
        "json_too_large",
        "key_malformed",
        "key_password_wrong",
        "key_unsupported",
        "key_uri_malformed",
        "key_uri_unsupported",
        "kms_key_unknown",
        "layout_ambiguous",
        "layout_refused",
        "layout_unknown",
        "lock_malformed",
        "lock_stale",
        "message_too_large",
        "method_not_allowed",
        "module_malformed",
        "path_unknown",
        "platform_malformed",
        "realm_refused",
        "reference_malformed",
        "registry_not_configured",
        "repository_unusable",
        "request_invalid",
        "request_malformed",
        "role_missing",
        "signer_caller_refused",
        "source_unsupported",
        "spec_malformed",
        "verifier_key_malformed",
        "yaml_malformed",
    }
)


class ExitCode(IntEnum):
    """What the exit status of every command says."""

    ALLOW = 0
    DENY = 1
    USAGE = 2
    RETRY = 3
    INTERNAL = 4


def exit_code_of_verdict(verdict: Verdict, *, retryable: bool) -> ExitCode:
    """Allow is 0; everything else is 1, or 3 when only retryable reasons stand in the way."""
    if verdict is Verdict.ALLOW:
        return ExitCode.ALLOW
    return ExitCode.RETRY if retryable else ExitCode.DENY


def exit_code_of_error(error: AssayError) -> ExitCode:
    """Configuration and usage are 2, unavailability 3, evidence that does not hold 1, the rest 4."""
    match error:
        case ConfigError():
            return ExitCode.USAGE
        case Unavailable():
            return ExitCode.RETRY
        case InvalidInput() if error.code in _USAGE_CODES:
            return ExitCode.USAGE
    return ExitCode.INTERNAL if error.code == "internal" else ExitCode.DENY
