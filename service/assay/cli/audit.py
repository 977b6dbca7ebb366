"""`assay audit`."""

import json
from collections.abc import Mapping
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import FILE, output_option, read_text, read_token, service_options, timeout_option
from assay.cli.outcome import ExitCode
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.formats.member import Members
from assay.ports import ServiceClient

_FILTERS = ("image", "digest", "environment", "verdict", "kind", "code", "policy", "since", "until")


@click.group()
def audit() -> None:
    """Query the decision log, and verify that nobody changed it."""


def _client(
    ctx: click.Context, service: str, token_file: Path | None, ca: Path | None, timeout: float
) -> tuple[ServiceClient, Deadline]:
    parts = composition(ctx)
    client = parts.service(service, token=read_token(token_file), ca=ca)
    return client, Deadline.after(timeout, parts.clock().monotonic)


@audit.command(name="list")
@click.option("--image", help="Repository name, for example registry.example/app.")
@click.option("--digest", help="Image digest.")
@click.option("--environment", help="Environment.")
@click.option("--verdict", type=click.Choice(["allow", "deny", "indeterminate"]), help="Verdict.")
@click.option(
    "--kind",
    type=click.Choice(["gate", "admission", "provider", "arming", "incident"]),
    help="Who asked: CI (gate), the cluster (admission), Gatekeeper (provider); who disarmed and armed (arming); what "
    "became of immutable tags (incident).",
)
@click.option("--code", help="Code of a finding, for example licence.denied.")
@click.option("--policy", help="Digest of the policy bundle that decided.")
@click.option("--since", help="Not before this time (RFC 3339).")
@click.option("--until", help="Before this time (RFC 3339).")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at the most.")
@click.option("--before", type=click.IntRange(min=0), help="Go on where the page before ended (`next`).")
@output_option
@timeout_option
@service_options
@click.pass_context
def list_decisions(
    ctx: click.Context,
    /,
    *,
    output: str,
    timeout: float,
    service: str,
    token_file: Path | None,
    ca: Path | None,
    limit: int,
    before: int | None,
    **filters: str | None,
) -> None:
    """List decisions, newest first; allows are included.

    A record that differs from the signed log is not listed but named on standard error; the command then exits with 1.

    \b
    Examples:
      assay audit list --verdict deny --since 2026-11-01T00:00:00Z
      assay audit list --image registry.example/app --output json
    """
    client, deadline = _client(ctx, service, token_file, ca, timeout)
    parameters = {key: value for key in _FILTERS if (value := filters.get(key))}
    parameters["limit"] = str(limit)
    if before is not None:
        parameters["before"] = str(before)
    page = client.get("/v1/decisions", parameters, deadline)
    root = Members(page, place="answer", code="answer_invalid")
    lines = [_line(entry) for entry in root.sections("decisions")]
    damages = [_damage(item) for item in root.sections("damages")]
    following = root.optional_integer("next")
    click.echo(json.dumps(page) if output == "json" else "\n".join(lines), nl=bool(lines) or output == "json")
    for damage in damages:
        click.echo(f"damaged: {_place(damage)}  {damage['part']}", err=True)
    if following is not None:
        click.echo(f"there are more: --before {following}", err=True)
    ctx.exit(ExitCode.DENY if damages else ExitCode.ALLOW)


def _line(entry: Members) -> str:
    images = ", ".join(f"{image.text('name')}@{image.text('digest')[:19]}" for image in entry.sections("images"))
    codes = ", ".join(sorted(set(entry.texts("codes")))) or "-"
    verdict, kind = entry.text("verdict"), entry.text("kind")
    return f"{entry.text('id')}  {entry.text('time')}  {kind:<9} {verdict:<13} {images}  [{codes}]"


@audit.command()
@click.argument("decision")
@output_option
@timeout_option
@service_options
@click.pass_context
def show(
    ctx: click.Context,
    decision: str,
    output: str,
    timeout: float,
    service: str,
    token_file: Path | None,
    ca: Path | None,
) -> None:
    """Show DECISION: verdict, findings, the input the policy saw, policy and trust digests.

    Everything was compared with the signed log first; a damaged record is refused (`record_corrupt`).

    \b
    Example:
      assay audit show 01JD4X8Y7ZK2QW3E4R5T6Y7V8N
    """
    client, deadline = _client(ctx, service, token_file, ca, timeout)
    record = client.get(f"/v1/decisions/{_identifier(decision)}", {}, deadline)
    click.echo(json.dumps(record) if output == "json" else json.dumps(record, indent=2))


@audit.command()
@click.argument("decision")
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write DECISION.leaf and DECISION.tlog-proof into this folder instead of printing the proof.",
)
@timeout_option
@service_options
@click.pass_context
def proof(
    ctx: click.Context,
    decision: str,
    save: Path | None,
    timeout: float,
    service: str,
    token_file: Path | None,
    ca: Path | None,
) -> None:
    """Print the proof that DECISION is in the log; it is verifiable offline.

    \b
    Example:
      assay audit proof 01JD4X8Y7ZK2QW3E4R5T6Y7V8N --save evidence
    """
    client, deadline = _client(ctx, service, token_file, ca, timeout)
    text = client.get_text(f"/v1/decisions/{_identifier(decision)}/proof", deadline)
    if save is None:
        click.echo(text, nl=False)
        return
    record = client.get(f"/v1/decisions/{decision}", {}, deadline)
    leaf = Members(record, place="answer", code="answer_invalid").octets("leaf")
    save.mkdir(parents=True, exist_ok=True)
    (save / f"{decision}.leaf").write_bytes(leaf)
    (save / f"{decision}.tlog-proof").write_text(text, encoding="utf-8")
    click.echo(f"{save / decision}.leaf\n{save / decision}.tlog-proof")


@audit.command()
@click.option("--proof", "proof_file", type=FILE, help="Verify this proof offline, without any service.")
@click.option("--leaf", "leaf_file", type=FILE, help="The leaf that the proof is about.")
@click.option("--key", help="The log's verifier key (`name+hash+key`), or a file that holds it.")
@output_option
@timeout_option
@service_options
@click.pass_context
def verify(
    ctx: click.Context,
    proof_file: Path | None,
    leaf_file: Path | None,
    key: str | None,
    output: str,
    timeout: float,
    service: str,
    token_file: Path | None,
    ca: Path | None,
) -> None:
    """Verify the whole log through the service, or one proof offline.

    Without options the service re-hashes its log page by page and compares every record with its leaf; each damage is
    named. With `--proof`, `--leaf` and `--key` nothing but these three is needed.

    \b
    Examples:
      assay audit verify
      assay audit verify --proof ID.tlog-proof --leaf ID.leaf --key checkpoint.pub
    """
    if proof_file is not None:
        if leaf_file is None or key is None:
            raise click.UsageError("--proof needs --leaf and --key")
        _verify_offline(proof_file, leaf_file, key, output)
        return
    client, deadline = _client(ctx, service, token_file, ca, timeout)
    size, damages = _walk(client, deadline)
    if output == "json":
        click.echo(json.dumps({"size": size, "damages": damages}))
    else:
        for damage in damages:
            click.echo(f"{_place(damage)}  {damage['part']}: {damage['detail']}")
        click.echo(f"{size} leaves, {len(damages)} damaged")
    ctx.exit(ExitCode.DENY if damages else ExitCode.ALLOW)


def _walk(client: ServiceClient, deadline: Deadline) -> tuple[int, list[dict[str, str | int | None]]]:
    damages: list[dict[str, str | int | None]] = []
    start, size = "0", 0
    while start:
        page = client.get("/v1/log/verification", {"start": start}, deadline)
        root = Members(page, place="answer", code="answer_invalid")
        size = root.integer("size")
        damages += [_damage(item) for item in root.sections("damages")]
        following = root.optional_integer("next")
        start = "" if following is None else str(following)
    return size, damages


def _damage(item: Members) -> dict[str, str | int | None]:
    return {
        "index": item.optional_integer("index"),
        "id": item.text("id"),
        "part": item.text("part"),
        "detail": item.text("detail", "", longest=4096),
    }


def _place(damage: Mapping[str, object]) -> str:
    named = ((word, damage[key]) for word, key in (("leaf", "index"), ("decision", "id")))
    return "  ".join(f"{word} {value}" for word, value in named if value not in {None, ""}) or "the log itself"


def _verify_offline(proof_file: Path, leaf_file: Path, key: str, output: str) -> None:
    from assay.tlog.proof import verify_proof

    verifier_key = read_text(Path(key)).strip() if Path(key).is_file() else key
    verified = verify_proof(read_text(proof_file), leaf_file.read_bytes(), verifier_key)
    if output == "json":
        click.echo(json.dumps({"index": verified.index, "size": verified.size, "origin": verified.origin}))
        return
    click.echo(f"leaf {verified.index} of {verified.size} is in the log {verified.origin}")


def _identifier(decision: str) -> str:
    from assay.domain.ulid import is_ulid

    if not is_ulid(decision):
        raise InvalidInput(
            "decision_unknown", f"{decision[:64]!r} is not a decision's id", remedy="copy it from `assay audit list`"
        )
    return decision
