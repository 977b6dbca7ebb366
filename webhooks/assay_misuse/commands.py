"""`assay misuse`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import FILE, output_option
from assay.cli.outcome import ExitCode
from assay.domain.key_kind import KeyKind
from assay.domain.reference import Repository
from assay_misuse.bench import Bench
from assay_misuse.case import Case
from assay_misuse.cases import CASES
from assay_misuse.policy import RELEASE, TENANT, Policy, rule_data
from assay_misuse.registry import LyingRegistry
from assay_misuse.report import render_json, render_table, withstood
from assay_misuse.run import CaseResult, run_cases
from assay_misuse.signatory import FreshKey, Signatory
from assay_misuse.webhook import HttpsWebhook, Webhook

_PASSWORD = "ASSAY_KEY_PASSWORD"  # noqa: S105  # the name of the variable


class _Host(click.ParamType[str]):
    """`HOST:PORT` as image names write it."""

    name = "host:port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit():
            self.fail(f"{text!r} is not HOST:PORT", param, ctx)
        return Repository(registry=text, path="misuse").registry


_REGISTRY_HELP = "Where the suite's own registry listens, and how images name it; the webhook must speak HTTP to it."


@click.group(invoke_without_command=True)
@click.option("--url", help="The validating hook.")
@click.option("--mutate-url", default="", help="The mutating hook; without it no image is asked for by tag.")
@click.option("--ca", type=FILE, help="The authority of the webhook's certificate (PEM).")
@click.option("--key", type=FILE, help="The key that the webhook trusts, made by `prepare`.")
@click.option("--registry", type=_Host(), help=_REGISTRY_HELP)
@click.option("--case", "numbers", type=click.IntRange(1, 30), multiple=True, help="Play this case; may be repeated.")
@output_option
@click.pass_context
def misuse(
    ctx: click.Context,
    url: str | None,
    mutate_url: str,
    ca: Path | None,
    key: Path | None,
    registry: str | None,
    numbers: tuple[int, ...],
    output: str,
) -> None:
    """Try to get past an admission webhook, in thirty ways that got past one before.

    The suite serves images from a registry that lies on command, sends reviews as an API server does, and expects
    denials, each with a twin that is admitted. It exits with 1 when a case got past the webhook or could not be shown
    to be withstood. What needs control over the webhook's own process is not applicable, and the table says so.
    `prepare` makes the key that the webhook has to trust, and says what else it has to be told.

    \b
    Examples:
      assay misuse prepare keys --registry 10.0.0.5:8790
      assay misuse --url https://webhook.example/validate --mutate-url https://webhook.example/mutate \\
        --ca ca.crt --key keys/cosign.key --registry 10.0.0.5:8790
    """
    if ctx.invoked_subcommand is not None:
        return
    if url is None or key is None or registry is None:
        raise click.UsageError("name --url, --key and --registry, or the command `prepare`")
    signer = composition(ctx).signer(key, password=os.environ.get(_PASSWORD, "").encode())
    webhook = HttpsWebhook(validate=url, mutate=mutate_url, ca=ca)
    chosen = [case for case in CASES if not numbers or case.number in numbers]
    results = _play(chosen, webhook, Signatory(signer=signer), registry)
    click.echo(render_json(results) if output == "json" else render_table(results))
    if not withstood(results):
        ctx.exit(ExitCode.DENY)


def _play(cases: Sequence[Case], webhook: Webhook, release: Signatory, registry: str) -> Sequence[CaseResult]:
    host, _, port = registry.rpartition(":")
    bare = host.strip("[]")
    with (
        LyingRegistry.serving(registry, address=(bare, int(port))) as serving,
        LyingRegistry.serving(address=(bare, 0)) as elsewhere,
    ):
        bench = Bench(registry=serving, elsewhere=elsewhere, release=release, stranger=Signatory(signer=FreshKey()))
        return list(run_cases(cases, bench, webhook))


@misuse.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--registry", type=_Host(), required=True, help=_REGISTRY_HELP)
@click.pass_context
def prepare(ctx: click.Context, folder: Path, registry: str) -> None:
    """Make the key of the suite in FOLDER, and say what the webhook under test has to be told.

    \b
    Example:
      assay misuse prepare keys --registry 10.0.0.5:8790
    """
    password = os.environ.get(_PASSWORD, "")
    _, public = composition(ctx).generate_keys(folder, password.encode(), KeyKind.ECDSA_P256)
    data = folder / "rule-data.json"
    data.write_text(json.dumps(rule_data(registry, standard_only=True), indent=2) + "\n", encoding="utf-8")
    click.echo(
        f"The webhook under test has to\n"
        f"  - demand of every image from {registry}: a signature, SLSA provenance and an SPDX SBOM,\n"
        f"    each signed by {public} (no log entry, no timestamp);\n"
        f"  - deny every other image;\n"
        f"  - speak plain HTTP to {registry}.\n\n"
        f"For Assay:\n"
        f"  authorities: {{{RELEASE}: {{keys: [{public}]}}}}\n"
        f'  registries: {{only: ["{registry}"], plain_http: ["{registry}"]}}\n'
        f"  policy: {{bundle: policies, rule_data: {data}}}\n"
        f"  webhook: {{tenant: {TENANT}, environment: {Policy.STANDARD}, ...}}\n\n"
        f"Then: assay misuse --key {folder / 'cosign.key'} --registry {registry} --url https://.../validate"
    )
