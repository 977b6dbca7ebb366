"""`assay gate`."""

import json
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import output_option, read_token, service_options, timeout_option
from assay.cli.outcome import exit_code_of_verdict
from assay.cli.render import render_answer
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.domain.gate import EvidenceSource, FromLayout, FromRegistry, GateQuestion
from assay.domain.reference import Reference
from assay.formats.gate import render_gate_answer


@click.command()
@click.argument("image")
@click.option("--environment", required=True, help="Where the image is to be used; one of the caller's.")
@click.option(
    "--layout",
    help="The image is pushed nowhere yet: read it from this OCI layout, below the root the service is configured for.",
)
@output_option
@timeout_option
@service_options
@click.pass_context
def gate(
    ctx: click.Context,
    image: str,
    environment: str,
    layout: str | None,
    output: str,
    timeout: float,
    service: str,
    token_file: Path | None,
    ca: Path | None,
) -> None:
    """Ask the service whether IMAGE (`repository@sha256:…`) may be published; the decision is recorded.

    The answer is bound to digest and repository: it is worthless for any other.

    \b
    Examples:
      assay gate --environment prod registry.example/age@sha256:…
      assay gate --environment prod --layout age registry.example/age@sha256:… --output json
    """
    parts = composition(ctx)
    question = _question(image, environment, layout)
    client = parts.service(service, token=read_token(token_file), ca=ca)
    answer = client.ask(question, Deadline.after(timeout, parts.clock().monotonic))
    if output == "json":
        click.echo(json.dumps(render_gate_answer(answer)))
    else:
        click.echo(render_answer(answer))
    ctx.exit(exit_code_of_verdict(answer.verdict, retryable=answer.retryable))


def _question(image: str, environment: str, layout: str | None) -> GateQuestion:
    reference = Reference.parse(image)
    if reference.digest is None:
        raise InvalidInput(
            "reference_malformed",
            f"{image[:200]!r} names no digest",
            remedy="a gate decision is for one digest: write repository@sha256:…",
        )
    source: EvidenceSource = FromLayout(path=layout) if layout else FromRegistry()
    artefact = Artefact(repository=reference.repository, digest=reference.digest, tag=reference.tag)
    return GateQuestion(artefact=artefact, environment=environment, evidence=source)
