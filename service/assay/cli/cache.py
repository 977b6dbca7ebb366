"""`assay cache`."""

import json
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import configuration_option, output_option
from assay.domain.kept_verdict import KeptVerdict
from assay.tlog.canonical import render_time


@click.group()
def cache() -> None:
    """Look at the verdicts that are kept between requests, or forget them.

    Forgetting is never needed after a change of policy, rule data or trust: those are part of what a verdict is kept
    under.
    """


@cache.command()
@configuration_option
@output_option
@click.pass_context
def show(ctx: click.Context, configuration: Path, output: str) -> None:
    """Show the verdicts on evidence that are kept, those first that were listed last.

    What workers hold in memory alone is not shown. An entry may be older than it may serve; it is then judged anew.

    \b
    Examples:
      assay cache show --config assay.yaml
      assay cache show --config assay.yaml --output json
    """
    kept = composition(ctx).kept_verdicts(configuration).entries()
    if output == "json":
        click.echo(json.dumps({"verdicts": [_describe(item) for item in kept]}))
    else:
        click.echo("\n".join(map(_line, kept)) or "nothing is kept")


@cache.command()
@configuration_option
@click.pass_context
def clear(ctx: click.Context, configuration: Path) -> None:
    """Forget every verdict, also in the memory of running workers; the next request judges anew.

    \b
    Example:
      assay cache clear --config assay.yaml
    """
    composition(ctx).kept_verdicts(configuration).clear()
    click.echo("everything is forgotten")


def _describe(kept: KeptVerdict) -> dict[str, object]:
    key = kept.key
    return {
        "repository": key.repository.name,
        "digest": key.digest.text,
        "tenant": key.tenant,
        "environment": key.environment,
        "verdict": kept.found.verdict.verdict.value,
        "codes": sorted({finding.code for finding in kept.found.verdict.findings if finding.blocks}),
        "listed": render_time(kept.listed),
        "decided": render_time(kept.decided),
        "policy": key.policy.bundle.text,
        "rule_data": key.policy.rule_data.text,
        "trust": key.policy.trust.text,
        "reader": key.reader,
        "evidence": [digest.text for digest in kept.found.facts.evidence],
    }


def _line(kept: KeptVerdict) -> str:
    key, verdict = kept.key, kept.found.verdict.verdict.value
    where = f"{key.tenant}/{key.environment}"
    return f"{render_time(kept.listed)}  {verdict:<13} {key.repository.name}@{key.digest}  {where}"
