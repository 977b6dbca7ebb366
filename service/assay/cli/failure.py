"""What a failed command prints, and how it exits."""

import itertools
import json
import sys

import click

from assay.cli.outcome import ExitCode, exit_code_of_error
from assay.domain.errors import AssayError

_INTERRUPTED = 130


def report_failure(error: Exception) -> int:
    """Print a failure to standard error, as JSON when `--output json` was asked for, and return the exit code."""
    match error:
        case click.Abort():
            click.echo("interrupted", err=True)
            return _INTERRUPTED
        case click.ClickException():
            error.show()
            _report_json("usage", error.format_message(), "see --help", ExitCode.USAGE)
            return ExitCode.USAGE
        case AssayError():
            code, message, remedy = error.code, error.message, error.remedy
            status = exit_code_of_error(error)
        case OSError():
            code, message = "file_unusable", f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}"
            remedy, status = "check path and permissions", ExitCode.USAGE
        case _:
            code, message = "internal", f"unexpected {type(error).__name__}; nothing was decided"
            remedy, status = "report it with the command you ran", ExitCode.INTERNAL
    _report_json(code, message, remedy, status)
    click.echo(f"assay: {code}: {message}\n  -> {remedy}", err=True)
    return int(status)


def _report_json(code: str, message: str, remedy: str, status: ExitCode) -> None:
    if _wants_json(sys.argv):
        click.echo(json.dumps({"error": {"code": code, "message": message, "remedy": remedy, "exit": int(status)}}))


def _wants_json(arguments: list[str]) -> bool:
    pairs = itertools.pairwise(arguments)
    return "--output=json" in arguments or ("--output", "json") in pairs
