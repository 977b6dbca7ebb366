"""`assay break-glass`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.image_source import start_clock
from assay.cli.option import FILE, configuration_option, output_option
from assay.cli.packed import packed
from assay.cli.render import safe_text
from assay.cli.signing import Signatory, signatory_options
from assay.domain.break_glass import BREAK_GLASS, Grant
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits

_target = click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write; put it into the folder `break_glass.grants` of the service.",
)
_SECONDS = 60.0


@click.group(name="break-glass")
def break_glass() -> None:
    """Allow named digests in an emergency: signed, for a short time, counted, and recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The options that say what is granted."""

    digests: tuple[str, ...]
    tenant: str
    environment: str
    namespaces: tuple[str, ...]
    reason: str
    ticket: str
    owner: str
    hours: int
    uses: int

    def predicate(self, now: datetime) -> Mapping[str, object]:
        """The terms as they are signed, from now on."""
        from assay.formats.break_glass import render_grant

        return render_grant(
            tenant=self.tenant,
            environment=self.environment,
            namespaces=self.namespaces,
            reason=self.reason,
            ticket=self.ticket,
            owner=self.owner,
            not_before=now,
            expires=now + timedelta(hours=self.hours),
            uses=self.uses,
        )


_terms_options = packed(
    "terms",
    Terms,
    (
        click.option("--digest", "digests", multiple=True, required=True, metavar="SHA256", help="What is allowed."),
        click.option("--tenant", required=True, help="The tenant of the cluster."),
        click.option("--environment", required=True, help="Its environment."),
        click.option("--namespace", "namespaces", multiple=True, required=True, help="A namespace it is for."),
        click.option("--reason", required=True, help="Why nothing else will do."),
        click.option("--ticket", required=True, help="Where that is written down."),
        click.option("--owner", required=True, help="Who sees to it that it is not needed again."),
        click.option("--hours", type=click.IntRange(1, 168), default=4, show_default=True, help="How long it holds."),
        click.option("--uses", type=click.IntRange(1, 10_000), default=10, show_default=True, help="For how often."),
    ),
)


@break_glass.command()
@_terms_options
@_target
@signatory_options
@output_option
@click.pass_context
def create(ctx: click.Context, terms: Terms, target: Path, signatory: Signatory, output: str) -> None:
    """Sign a grant: an allow for these digests, from now on.

    Each decision of either hook takes one use, so a Pod takes two. Where several people have to sign, the others do so
    with `assay break-glass endorse`.

    \b
    Example:
      assay break-glass create --key security.key --digest sha256:… --tenant demo --environment prod --namespace shop
        --reason "log is down" --ticket OPS-1 --owner alice --to grants/ops-1.json
    """
    from assay.formats.break_glass import parse_grant
    from assay.usecases.sign import state_grant

    parts = composition(ctx)
    named, predicate = [Digest(digest) for digest in terms.digests], terms.predicate(parts.clock().now())
    statement = state_grant(named, predicate)
    _write(target, signatory.open(parts, start_clock(parts, _SECONDS)).sign_statement(statement))
    _tell(parse_grant(predicate, named), target, output)


@break_glass.command()
@click.argument("grant", type=FILE)
@_target
@signatory_options
@output_option
@click.pass_context
def endorse(ctx: click.Context, grant: Path, target: Path, signatory: Signatory, output: str) -> None:
    """Sign the terms of GRANT, which somebody else signed, too; they are printed.

    Both files have to lie in the folder of the service: together they are one grant.

    \b
    Example:
      assay break-glass endorse grants/ops-1.json --key lead.key --to grants/ops-1-lead.json
    """
    from assay.formats.break_glass import parse_grant
    from assay.usecases.break_glass import read_statement
    from assay.usecases.sign import state_grant

    parts = composition(ctx)
    statement = read_statement(grant.read_bytes(), Limits())
    if statement.predicate_type != BREAK_GLASS:
        raise InvalidInput("grant_malformed", f"{grant} holds no grant", remedy="name a file of `break-glass create`")
    named = [subject.digest for subject in statement.subjects if subject.digest is not None]
    found = parse_grant(statement.predicate, named)
    signer = signatory.open(parts, start_clock(parts, _SECONDS))
    _write(target, signer.sign_statement(state_grant(named, statement.predicate)))
    _tell(found, target, output)


@break_glass.command(name="list")
@configuration_option
@output_option
@click.pass_context
def list_grants(ctx: click.Context, configuration: Path, output: str) -> None:
    """List the grants that lie in the service's folder: who signed them, what is left, and whether they hold now.

    \b
    Example:
      assay break-glass list --config assay.yaml
    """
    from assay.usecases.break_glass import survey_grants

    parts = composition(ctx)
    glass, trust = parts.break_glass(configuration)
    surveyed, others = survey_grants(glass, trust, Limits(), parts.clock().now())
    if output == "json":
        listed = [
            {
                **_describe(item.grant),
                "signed_by": list(item.authorities),
                "used": item.standing.uses,
                "holds": not item.objection,
                "objection": item.objection,
            }
            for item in surveyed
        ]
        click.echo(json.dumps({"grants": listed, "unusable": [digest.text for digest in others]}))
        return
    for item in surveyed:
        click.echo("\n".join(_lines(item.grant)))
        click.echo(f"  signed by  {', '.join(item.authorities)}")
        click.echo(f"  used       {item.standing.uses} of {item.grant.uses}")
        click.echo(f"  holds      {safe_text(f'no: {item.objection}') if item.objection else 'yes'}")
    for digest in others:
        click.echo(f"no grant, or signed by nobody who is trusted: the bundle {digest}")
    if not surveyed and not others:
        click.echo("there are no grants")


@break_glass.command()
@click.argument("grant", metavar="GRANT")
@configuration_option
@click.option("--reason", required=True, help="Why; kept with the revocation.")
@click.pass_context
def revoke(ctx: click.Context, grant: str, configuration: Path, reason: str) -> None:
    """Revoke GRANT, the id that `list` and every decision under it name, for good and from now on.

    \b
    Example:
      assay break-glass revoke --config assay.yaml --reason "the log is back" sha256:…
    """
    if not reason.strip():
        raise click.UsageError("--reason says nothing")
    parts = composition(ctx)
    glass, _ = parts.break_glass(configuration)
    fresh = glass.grants.revoke(Digest(grant), time=parts.clock().now(), reason=reason)
    click.echo(f"{grant} is revoked" if fresh else f"{grant} was revoked before")


def _write(target: Path, bundle: bytes) -> None:
    try:
        with target.open("xb") as file:
            file.write(bundle)
    except FileExistsError as error:
        raise click.UsageError(f"{target} exists already") from error


def _tell(grant: Grant, target: Path, output: str) -> None:
    if output == "json":
        click.echo(json.dumps({**_describe(grant), "file": str(target)}))
        return
    click.echo("\n".join([*_lines(grant), f"  written to {target}"]))


def _describe(grant: Grant) -> Mapping[str, object]:
    return {
        "grant": grant.id.text,
        "digests": [digest.text for digest in grant.digests],
        "tenant": grant.tenant,
        "environment": grant.environment,
        "namespaces": list(grant.namespaces),
        "reason": grant.reason,
        "ticket": grant.ticket,
        "owner": grant.owner,
        "not_before": _time(grant.not_before),
        "expires": _time(grant.expires),
        "uses": grant.uses,
    }


def _lines(grant: Grant) -> Sequence[str]:
    where = f"{grant.tenant}/{grant.environment}, namespaces {', '.join(grant.namespaces)}"
    return [
        f"GRANT  {grant.id}",
        *(f"  allows     {digest}" for digest in grant.digests),
        safe_text(f"  in         {where}"),
        f"  from, to   {_time(grant.not_before)}, {_time(grant.expires)}; {grant.uses} uses",
        safe_text(f"  because    {grant.reason} ({grant.ticket}, {grant.owner})"),
    ]


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
