"""`assay trust`."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import FILE, configuration_option, output_option
from assay.cli.outcome import ExitCode
from assay.domain.errors import Unavailable
from assay.domain.root_origin import RootOrigin
from assay.formats.published_root import PublishedRoot, Refreshed
from assay.usecases.inspect_trust import find_parties, inspect_trust
from assay.verification.trust_root import TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot


@click.group()
def trust() -> None:
    """Look at what is trusted, keep it up to date, and see in time what will not hold."""


@trust.command()
@click.option("--config", "configuration", type=FILE, help="The trust roots of this configuration file.")
@click.option("--trusted-root", type=FILE, help="This trusted_root.json.")
@output_option
@click.pass_context
def show(ctx: click.Context, configuration: Path | None, trusted_root: Path | None, output: str) -> None:
    """Show whom trust roots believe, from when to when, and where they came from.

    Without an option it is the public-good root that came with Assay. Nothing is fetched: a root that comes from a
    repository is shown as it was confirmed last.

    \b
    Examples:
      assay trust show
      assay trust show --trusted-root trusted_root.json --output json
    """
    if configuration is not None and trusted_root is not None:
        raise click.UsageError("name either --config or --trusted-root")
    parts = composition(ctx)
    if configuration is not None:
        shown = parts.trust_from_configuration(configuration)
    else:
        shown = parts.trust_from_root(trusted_root)
    if output == "json":
        click.echo(json.dumps({name: _describe(shown, name) for name in sorted(shown.origins)}))
        return
    click.echo("\n".join(line for name in sorted(shown.origins) for line in _lines(shown, name)))


@trust.command()
@configuration_option
@output_option
@click.pass_context
def refresh(ctx: click.Context, configuration: Path, output: str) -> None:
    """Refresh the trust roots that come from a TUF repository, now.

    A running service takes up what is published within a second. What cannot be fetched or is not believed leaves the
    last one in place: exit code 3 for a repository that does not answer, 1 for one that offers what must be refused.

    \b
    Example:
      assay trust refresh --config assay.yaml
    """
    done = composition(ctx).refresh_trust(configuration)
    if output == "json":
        click.echo(json.dumps({name: _describe_refresh(outcome) for name, outcome in sorted(done.items())}))
    else:
        lines = [f"{name}  {_tell(outcome)}" for name, outcome in sorted(done.items())]
        click.echo("\n".join(lines or ["no trust root comes from a repository"]))
    codes = {outcome.code for outcome in done.values() if isinstance(outcome, Unavailable)}
    ctx.exit(ExitCode.DENY if "trust_refresh_refused" in codes else ExitCode.RETRY if codes else ExitCode.ALLOW)


@trust.command()
@configuration_option
@click.option(
    "--days", type=click.IntRange(0, 3650), default=30, show_default=True, help="Tell of windows that close so soon."
)
@output_option
@click.pass_context
def check(ctx: click.Context, configuration: Path, days: int, output: str) -> None:
    """Check that every trust root is there, fresh and of use, for a cron job.

    Exits with 0 when nothing needs anybody, with 1 and one line for each finding when something does: a root that was
    never confirmed or is past half of its maximum age, a window that closes soon, a timestamp authority that may not
    stamp, an authority that nothing signed from now on can meet. Exits with 2 when a file cannot be used.

    \b
    Example:
      assay trust check --config assay.yaml --days 14
    """
    parts = composition(ctx)
    trusted = parts.trust_from_configuration(configuration)
    found = inspect_trust(trusted, parts.clock().now(), timedelta(days=days))
    if output == "json":
        click.echo(json.dumps({"findings": [{"place": item.place, "text": item.text} for item in found]}))
    else:
        lines = [f"{item.place}: {item.text}" for item in found]
        click.echo("\n".join(lines or ["every trust root is there, fresh and of use"]))
    ctx.exit(ExitCode.DENY if found else ExitCode.ALLOW)


def _describe(shown: TrustSnapshot, name: str) -> dict[str, object]:
    origin, root = shown.origins[name], shown.roots.get(name)
    return {
        "source": origin.source.value,
        "place": origin.place,
        "fetched_at": _time(origin.fetched_at),
        "trusted_until": _time(origin.trusted_until),
        "versions": dict(origin.versions),
        "unavailable": shown.unavailable.get(name, ""),
        **(_describe_root(root) if root is not None else {}),
    }


def _describe_root(root: TrustRoot) -> dict[str, object]:
    return {
        "digest": root.digest.text,
        "profile": root.profile.document(),
        "parties": [
            {"kind": kind, "name": name, "start": _time(window.start), "end": _time(window.end)}
            for kind, name, window in find_parties(root)
        ],
        "warnings": list(root.warnings),
    }


def _lines(shown: TrustSnapshot, name: str) -> Iterator[str]:
    root, why = shown.roots.get(name), shown.unavailable.get(name)
    yield f"{name}  {root.digest if root is not None else f'not available: {why}'}"
    yield f"  from     {_tell_origin(shown.origins[name])}"
    if root is None:
        return
    demands = ", ".join(f"{key} {value}" for key, value in root.profile.document().items() if value is not False)
    yield f"  demands  {demands}"
    for kind, who, window in find_parties(root):
        yield f"  {kind:<22} {_time(window.start):<25} to {_time(window.end) or 'further notice':<25} {who}"
    for warning in root.warnings:
        yield f"  warning  {warning}"


def _tell_origin(origin: RootOrigin) -> str:
    told = [f"{origin.source.value}: {origin.place}"]
    if origin.fetched_at is not None:
        told.append(f"of {_time(origin.fetched_at)}, trusted until {_time(origin.trusted_until)}")
    if origin.versions:
        told.append(", ".join(f"{role} {version}" for role, version in origin.versions))
    return "; ".join(told)


def _tell(outcome: Refreshed | Unavailable) -> str:
    if isinstance(outcome, Unavailable):
        return f"NOT REFRESHED  {outcome.code}: {outcome.message}"
    return (
        f"{'changed' if outcome.changed else 'confirmed'}  {outcome.after.digest}\n"
        f"  before  {_tell_versions(outcome.before)}\n  after   {_tell_versions(outcome.after)}"
    )


def _tell_versions(published: PublishedRoot | None) -> str:
    if published is None:
        return "nothing"
    versions = ", ".join(f"{role} {version}" for role, version in published.versions)
    return f"{versions}; confirmed at {_time(published.fetched_at)}"


def _describe_refresh(outcome: Refreshed | Unavailable) -> dict[str, object]:
    if isinstance(outcome, Unavailable):
        return {"error": {"code": outcome.code, "message": outcome.message, "remedy": outcome.remedy}}
    return {
        "changed": outcome.changed,
        "before": _describe_published(outcome.before) if outcome.before is not None else None,
        "after": _describe_published(outcome.after),
    }


def _describe_published(published: PublishedRoot) -> dict[str, object]:
    return {
        "digest": published.digest.text,
        "fetched_at": _time(published.fetched_at),
        "versions": dict(published.versions),
    }


def _time(time: datetime | None) -> str:
    return time.isoformat(timespec="seconds") if time is not None else ""
