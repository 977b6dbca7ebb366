"""The command group; each command's module is imported only when it is called."""

import importlib
from importlib.metadata import entry_points
from typing import Any

import click

_COMMANDS = {
    "verify": "assay.cli.verify:verify",
    "verify-bundle": "assay.cli.verify_bundle:verify_bundle",
    "sign": "assay.cli.sign:sign",
    "attest": "assay.cli.attest:attest",
    "prove": "assay.cli.prove:prove_command",
    "attach": "assay.cli.attach:attach",
    "copy": "assay.cli.copy:copy",
    "tree": "assay.cli.attachments:tree",
    "triangulate": "assay.cli.attachments:triangulate",
    "gate": "assay.cli.gate:gate",
    "audit": "assay.cli.audit:audit",
    "serve": "assay.cli.serve:serve",
    "sequencer": "assay.cli.serve:sequencer",
    "refresher": "assay.cli.serve:refresher",
    "prewarmer": "assay.cli.serve:prewarmer",
    "keys": "assay.cli.keys:keys",
    "signer": "assay.cli.signer:signer",
    "config": "assay.cli.config:config",
    "cache": "assay.cli.cache:cache",
    "incidents": "assay.cli.incidents:incidents",
    "trust": "assay.cli.trust:trust",
    "break-glass": "assay.cli.break_glass:break_glass",
    "completion": "assay.cli.completion:completion",
}

_EPILOG = """\b
Exit codes, the same for every command:
  0  allow        what was asked holds
  1  deny         it does not hold; repeating the same call changes nothing
  2  usage        the call or the configuration cannot be used
  3  retry        only passing faults stand in the way; repeat later
  4  internal     an error in Assay; nothing was decided

\b
Examples:
  assay keys generate --folder keys
  assay build examples/age/assay.yaml --key keys/cosign.key --layout build/age
  assay verify --key keys/cosign.pub registry.example/age@sha256:…
  assay gate --environment prod registry.example/age@sha256:…
  assay audit list --verdict deny --output json
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, those of other components included."""
        del ctx
        joined = [point.name for point in entry_points(group="assay.commands")]
        return sorted({*_COMMANDS, *joined})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        del ctx
        if cmd_name in _COMMANDS:
            module, _, attribute = _COMMANDS[cmd_name].partition(":")
            return _as_command(getattr(importlib.import_module(module), attribute))
        for point in entry_points(group="assay.commands", name=cmd_name):
            return _as_command(point.load())
        return None


def _as_command(value: Any) -> click.Command:  # noqa: ANN401  # what an entry point names is only known now
    if not isinstance(value, click.Command):
        raise TypeError("an entry point of assay.commands does not name a command")
    return value


@click.group(
    cls=LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="assay")
def application() -> None:
    """Assay proves what a container image is made of, before it is published and again before it runs.

    \b
    build, lock       turn a pinned spec into an image, an SBOM and provenance
    verify            look at the evidence of an image, here and now; records nothing
    verify-bundle     verify one Sigstore bundle about a file or digest, offline
    sign, attest      sign an image, or a statement about it
    prove             walk the chain from log time to git commit and SBOM
    attach sbom       attach an SBOM that nobody signed
    tree, triangulate show what is attached to an image, and where it would be
    copy              copy an image with everything that speaks about it
    gate              ask the service whether an image may be published; recorded
    audit             query the decision log and verify it
    serve             run the verification service and the admission webhook
    misuse            try to get past an admission webhook
    keys, config      make and show keys; check a configuration file
    signer            keep a signing key in a process of its own
    webhook           register the admission webhook with a cluster, its certificates, the way out
    trust             show, refresh and check what is trusted, and until when
    cache             show and forget the verdicts that are kept between requests
    incidents         show immutable tags that moved, and accept a move
    break-glass       allow named digests in an emergency: signed, short-lived, counted
    completion        print the completion script of your shell
    """
