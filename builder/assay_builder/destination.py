"""Where `assay build` pushes to, and by whose leave."""

from dataclasses import dataclass
from pathlib import Path

import click

from assay.cli.option import FILE, read_token, registry_options
from assay.cli.packed import packed
from assay.domain.reference import Repository
from assay_builder.parts import ServiceParts
from assay_builder.pipeline import Publication
from assay_builder.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The options that say which gate is asked, and what is pushed where when it allows."""

    gate_url: str | None
    token_file: Path | None
    ca: Path | None
    push: str | None
    tags: tuple[str, ...]
    no_push: bool
    plain_http: tuple[str, ...]
    token_hosts: tuple[tuple[str, str], ...]
    registry_ca: Path | None

    def open(self, service: ServiceParts, plan: Plan, seconds: float) -> Publication | None:
        """The gate and the place that is pushed to; None without a gate. Raises `click.UsageError`."""
        if self.gate_url is None:
            if self.push or self.tags or self.no_push:
                raise click.UsageError("--push, --tag and --no-push need --gate: nothing is pushed without its allow")
            return None
        return Publication(
            gate=service.gate(self.gate_url, token=read_token(self.token_file), ca=self.ca),
            registry=service.registry(plain_http=self.plain_http, ca=self.registry_ca, token_hosts=self.token_hosts),
            repository=self._repository(plan),
            tags=self._tags(plan),
            seconds=seconds,
        )

    def _repository(self, plan: Plan) -> Repository:
        if self.push:
            return Repository.parse(self.push)
        if plan.spec.repository is None:
            raise click.UsageError("name a repository: --push, or publish.repository in the specification")
        return plan.spec.repository

    def _tags(self, plan: Plan) -> tuple[str, ...]:
        chosen = self.tags or plan.spec.publish_tags
        if not chosen:
            raise click.UsageError("name a tag: --tag, or publish.tags in the specification")
        return chosen


destination_options = packed(
    "destination",
    Destination,
    (
        click.option(
            "--gate", "gate_url", metavar="URL", help="Ask this verification service, and push when it allows."
        ),
        click.option(
            "--token-file", type=FILE, help="File with the caller's token for the service.  [env: ASSAY_TOKEN]"
        ),
        click.option("--ca", type=FILE, help="PEM file of the CA behind the service's certificate."),
        click.option("--push", metavar="REPOSITORY", help="Where to push.  [default: publish.repository of SPEC]"),
        click.option(
            "--tag", "tags", multiple=True, help="Tag to push, may be repeated.  [default: publish.tags of SPEC]"
        ),
        click.option("--no-push", is_flag=True, help="Ask the gate, but push nothing."),
        registry_options,
    ),
)
