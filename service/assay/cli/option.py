"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from assay.domain.errors import InvalidInput
from assay.domain.identity import IdentityRule
from assay.domain.key_uri import KeyUri, is_key_uri, parse_key_uri
from assay.domain.reference import Repository

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class KeyReference(click.ParamType[Path | KeyUri]):
    """A key by the path of its file or by its URI."""

    name = "key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | KeyUri:  # noqa: ANN401  # click's signature
        """The path of a file that exists, or the parsed URI."""
        text = str(value)
        if is_key_uri(text):
            return parse_key_uri(text)
        path: Path = FILE.convert(text, param, ctx)
        return path


KEY = KeyReference()


class TokenHost(click.ParamType[tuple[str, str]]):
    """A registry and a further host that may issue its tokens, `REGISTRY=HOST`."""

    name = "token_host"

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, str]:
        """Both hosts as references write them."""
        registry, _, host = str(value).partition("=")
        try:
            for name in (registry, host):
                Repository(registry=name, path="any")
        except InvalidInput:
            self.fail(f"{value!r} is not REGISTRY=HOST, each host or host:port in lower case", param, ctx)
        return registry, host


def registry_options(command: Command) -> Command:
    """`--plain-http`, `--token-host` and `--registry-ca`."""
    for option in (
        click.option("--registry-ca", type=FILE, help="PEM file of the CA behind the registry's certificate."),
        click.option(
            "--token-host",
            "token_hosts",
            multiple=True,
            type=TokenHost(),
            metavar="REGISTRY=HOST",
            help="Let this host, too, issue tokens for this registry.",
        ),
        click.option("--plain-http", multiple=True, metavar="HOST", help="Speak plain http to this registry host."),
    ):
        command = option(command)
    return command


def configuration_option(command: Command) -> Command:
    """`--config FILE`."""
    return click.option("--config", "configuration", type=FILE, required=True, help="The configuration file.")(command)


def output_option(command: Command) -> Command:
    """`--output text|json`."""
    return click.option(
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Human-readable text, or one JSON document on standard output.",
    )(command)


def identity_options(command: Command) -> Command:
    """`--identity`, `--issuer`, `--trusted-root`."""
    for option in (
        click.option("--trusted-root", type=FILE, help="Certificate authorities and logs (trusted_root.json)."),
        click.option("--issuer", metavar="URL", help="The OIDC issuer behind that identity."),
        click.option("--identity", metavar="TEXT", help="Trust certificates of exactly this URI or email address."),
    ):
        command = option(command)
    return command


def read_identities(identity: str | None, issuer: str | None) -> list[IdentityRule]:
    """The identity that was named, if any; one option without the other, or an empty one, is a `UsageError`."""
    if identity is None and issuer is None:
        return []
    if not identity or not issuer:
        raise click.UsageError("--identity and --issuer belong together")
    from assay.verification.identity import IdentityPattern
    from assay.verification.text_pattern import TextPattern

    return [IdentityPattern(issuer=TextPattern(exact=issuer), san=TextPattern(exact=identity))]


def service_options(command: Command) -> Command:
    """`--service`, `--token-file`, `--ca`."""
    for option in (
        click.option("--ca", type=FILE, help="PEM file of the CA behind the service's certificate."),
        click.option(
            "--token-file", type=FILE, help="File that holds the caller's token.  [env: ASSAY_TOKEN, the token itself]"
        ),
        click.option(
            "--service",
            envvar="ASSAY_SERVICE",
            default="http://127.0.0.1:8700",
            show_default=True,
            show_envvar=True,
            help="URL of the verification service.",
        ),
    ):
        command = option(command)
    return command


def timeout_option(command: Command) -> Command:
    """`--timeout SECONDS`."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0.1, max=600),
        default=30,
        show_default=True,
        metavar="SECONDS",
        help="Give up after this time; a late answer is never an allow.",
    )(command)


def read_token(token_file: Path | None) -> str:
    """The caller's token from its file, else from ASSAY_TOKEN, else none."""
    if token_file is not None:
        return read_text(token_file).strip()
    return os.environ.get("ASSAY_TOKEN", "")


def read_text(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8 are written out, for whoever parses the text to refuse."""
    return path.read_bytes().decode("utf-8", errors="backslashreplace")
