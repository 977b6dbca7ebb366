"""`assay trust`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import FILE, output_option
from assay.verification.trust_root import TrustRoot
from assay.verification.window import Window


@click.group()
def trust() -> None:
    """Look at what is trusted."""


@trust.command()
@click.option("--config", "configuration", type=FILE, help="The trust roots of this configuration file.")
@click.option("--trusted-root", type=FILE, help="This trusted_root.json.")
@output_option
@click.pass_context
def show(ctx: click.Context, configuration: Path | None, trusted_root: Path | None, output: str) -> None:
    """Show whom trust roots believe, and from when to when.

    Without an option it is the public-good root that came with Assay.

    \b
    Examples:
      assay trust show
      assay trust show --trusted-root trusted_root.json --output json
    """
    if configuration is not None and trusted_root is not None:
        raise click.UsageError("name either --config or --trusted-root")
    parts = composition(ctx)
    roots: Mapping[str, TrustRoot]
    if configuration is not None:
        roots = parts.trust_from_configuration(configuration).roots()
    else:
        root = parts.trust_root(trusted_root)
        roots = {root.name: root}
    if output == "json":
        click.echo(json.dumps({name: _describe(root) for name, root in sorted(roots.items())}))
        return
    click.echo("\n".join(line for name, root in sorted(roots.items()) for line in _lines(name, root)))


def _describe(root: TrustRoot) -> dict[str, object]:
    return {
        "digest": root.digest.text,
        "profile": root.profile.document(),
        "parties": [
            {"kind": kind, "name": name, "start": _time(window, end=False), "end": _time(window, end=True)}
            for kind, name, window in _parties(root)
        ],
        "warnings": list(root.warnings),
    }


def _lines(name: str, root: TrustRoot) -> list[str]:
    demands = ", ".join(f"{key} {value}" for key, value in root.profile.document().items() if value is not False)
    return [
        f"{name}  {root.digest}",
        f"  demands  {demands}",
        *(
            f"  {kind:<22} {_time(window, end=False):<25} to {_time(window, end=True) or 'further notice':<25} {who}"
            for kind, who, window in _parties(root)
        ),
        *(f"  warning  {warning}" for warning in root.warnings),
    ]


def _parties(root: TrustRoot) -> Sequence[tuple[str, str, Window]]:
    return [
        *(("certificate authority", authority.uri, authority.window) for authority in root.authorities),
        *(("log", f"{log.base_url} (v{log.generation})", log.window) for log in root.logs.values()),
        *(("certificate log", log.base_url, log.window) for log in root.ct_logs.values()),
        *(("timestamp authority", authority.uri, authority.window) for authority in root.timestamp_authorities),
    ]


def _time(window: Window, *, end: bool) -> str:
    time = window.end if end else window.start
    return time.isoformat(timespec="seconds") if time is not None else ""
