"""Exit codes: one meaning each, whatever happens."""

import errno
import os
import subprocess
import sys

import click
import pytest

from assay.cli.outcome import ExitCode, exit_code_of_error, exit_code_of_verdict
from assay.domain.decision import Verdict
from assay.domain.errors import (
    AssayError,
    ConfigError,
    EvidenceRejected,
    InvalidInput,
    RecordCorrupt,
    RecordPart,
    Unavailable,
)
from tests.fakes.service import typed
from tests.unit.cli.conftest import CommandLine

LIST = ("audit", "list")


@pytest.mark.parametrize(
    ("verdict", "retryable", "code"),
    [
        (Verdict.ALLOW, False, 0),
        (Verdict.DENY, False, 1),
        (Verdict.INDETERMINATE, False, 1),
        (Verdict.DENY, True, 3),
        (Verdict.INDETERMINATE, True, 3),
    ],
)
def test_a_verdict_has_one_exit_code(verdict: Verdict, retryable: bool, code: int) -> None:  # noqa: FBT001
    assert exit_code_of_verdict(verdict, retryable=retryable) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (typed(ConfigError, "configuration_invalid"), 2),
        (typed(InvalidInput, "reference_malformed"), 2),
        (typed(InvalidInput, "verifier_key_malformed"), 2),
        (typed(InvalidInput, "digest_mismatch"), 1),
        (typed(EvidenceRejected, "proof_invalid"), 1),
        (RecordCorrupt(RecordPart.LEAF, "the leaf was changed"), 1),
        (typed(Unavailable, "service_unavailable"), 3),
        (typed(InvalidInput, "internal"), 4),
        (AssayError("internal", "x", remedy="y"), 4),
    ],
)
def test_an_error_has_the_exit_code_of_who_must_act(assay: CommandLine, error: AssayError, code: int) -> None:
    assert exit_code_of_error(error) == code
    assay.parts.error = error
    outcome = assay.run(*LIST)
    assert (outcome.status, outcome.out) == (code, "")
    assert f"assay: {error.code}: {error.message}" in outcome.err
    assert error.remedy in outcome.err
    assay.parts.error = error
    told = assay.run(*LIST, "--output", "json").document["error"]
    assert told == {"code": error.code, "message": error.message, "remedy": error.remedy, "exit": code}


@pytest.mark.parametrize(
    "error", [ValueError("secret"), KeyError("secret"), RecursionError("secret"), MemoryError("secret"), SystemExit(1)]
)
def test_what_nobody_foresaw_exits_4_and_never_1(assay: CommandLine, error: BaseException) -> None:
    assay.parts.error = error
    outcome = assay.run(*LIST)
    assert outcome.status == ExitCode.INTERNAL
    assert "secret" not in outcome.out + outcome.err


def test_an_unexpected_failure_is_one_json_document_too(assay: CommandLine) -> None:
    assay.parts.error = ValueError("secret")
    assert assay.run(*LIST, "--output=json").document["error"]["code"] == "internal"


def test_a_file_that_cannot_be_used_is_usage(assay: CommandLine) -> None:
    assay.parts.error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "keys")
    outcome = assay.run(*LIST)
    assert (outcome.status, "keys: Permission denied" in outcome.err) == (2, True)


def test_an_interrupt_is_130(assay: CommandLine) -> None:
    assay.parts.error = KeyboardInterrupt()
    outcome = assay.run(*LIST)
    assert (outcome.status, outcome.out) == (130, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("gate",),
        ("gate", "image", "--environment"),
        ("audit", "list", "--limit", "0"),
        ("audit", "list", "--verdict", "maybe"),
        ("verify", "--timeout", "0", "image"),
    ],
)
def test_a_call_that_is_not_understood_is_usage(assay: CommandLine, arguments: tuple[str, ...]) -> None:
    outcome = assay.run(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert "Error" in outcome.err


def test_a_call_that_is_not_understood_is_one_json_document_too(assay: CommandLine) -> None:
    outcome = assay.run("gate", "--output", "json", "image")
    assert (outcome.status, outcome.document["error"]["code"]) == (2, "usage")


def test_a_failure_of_the_command_itself_is_never_1(assay: CommandLine) -> None:
    assay.parts.error = click.ClickException("click would exit with 1")
    assert assay.run(*LIST).status == 2


def test_a_pipe_that_nobody_reads_is_no_denial() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "assay", "--help"]
    with os.fdopen(writer, "wb") as closed:
        finished = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert finished.returncode == ExitCode.INTERNAL
