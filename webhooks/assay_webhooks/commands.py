"""`assay webhook`."""

import json
import re
from datetime import UTC, timedelta
from pathlib import Path

import click

from assay.cli.composition import composition
from assay.cli.option import FILE, output_option
from assay.cli.outcome import ExitCode
from assay.domain.arming import Action, Change
from assay.domain.deadline import Deadline
from assay_webhooks.composition import compose_certificate_folder, compose_cluster, load_guard, load_provider_guard
from assay_webhooks.manifest import make_manifest, render_json, render_yaml, require_exempt_service
from assay_webhooks.provider.manifest import make_provider_manifest
from assay_webhooks.registration import ServiceAddress
from assay_webhooks.rotation import Step, inspect_certificates, make_certificates, take_step
from assay_webhooks.way_out import take_way_out

_SERVICE = re.compile(r"([a-z0-9-]{1,63})/([a-z0-9-]{1,63})(?::([1-9][0-9]{0,4}))?", re.ASCII)
_NEXT_ACTION = {
    Step.STAGE: "apply the manifest with the new ca.crt, then take the step `switch`",
    Step.SWITCH: "wait until the server serves the new certificate, then take the step `finish`",
    Step.FINISH: "apply the manifest with the new ca.crt",
}
_FOLDER = click.Path(file_okay=False, path_type=Path)
_folder_option = click.option(
    "--folder", type=_FOLDER, required=True, help="Where ca.crt, tls.crt and tls.key lie, private to their owner."
)

_kubeconfig_option = click.option(
    "--kubeconfig", type=FILE, help="The cluster.  [default: $KUBECONFIG, ~/.kube/config]"
)
_reason_option = click.option("--reason", required=True, help="One line for whoever reads the record later.")
_CLUSTER_SECONDS = 60.0


class _ServiceAddress(click.ParamType[ServiceAddress]):
    """NAMESPACE/NAME[:PORT]."""

    name = "service"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ServiceAddress:
        """The parsed address."""
        if not (match := _SERVICE.fullmatch(str(value))):
            self.fail("write NAMESPACE/NAME or NAMESPACE/NAME:PORT", param, ctx)
        return ServiceAddress(namespace=match[1], name=match[2], port=int(match[3] or 443))


@click.group()
def webhook() -> None:
    """Register the admission webhook with a cluster, and keep its certificates."""


@webhook.command()
@click.option("--config", "configuration", type=FILE, required=True, help="The configuration file of the webhook.")
@click.option("--service", type=_ServiceAddress(), metavar="NAMESPACE/NAME[:PORT]", help="The webhook's Service.")
@click.option("--url", help="The webhook's own https address, in the place of a Service.")
@click.option(
    "--guarded-service",
    is_flag=True,
    help="Let the Service lie in a namespace that is judged: if all Pods of the webhook stop, none starts until "
    "`assay webhook disarm`.",
)
@click.option("--ca", type=FILE, required=True, help="The authority of its certificate (ca.crt).")
@click.option("--disarmed", is_flag=True, help="Ask about nothing until `assay webhook arm`: for an installation.")
@click.option(
    "--static-policy/--no-static-policy",
    default=True,
    show_default=True,
    help="With the policies that hold while no webhook answers (Kubernetes 1.30 and later).",
)
@click.option("--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="The form.")
@click.pass_context
def manifest(
    ctx: click.Context,
    configuration: Path,
    service: ServiceAddress | None,
    url: str | None,
    ca: Path,
    *,
    guarded_service: bool,
    disarmed: bool,
    static_policy: bool,
    output: str,
) -> None:
    """Print what is registered with the API server, for `kubectl apply --server-side -f -`.

    A MutatingWebhookConfiguration, a ValidatingWebhookConfiguration and, from the same configuration, a
    ValidatingAdmissionPolicy that the API server evaluates by itself: while no webhook answers, images are still pinned
    and still come from the allowed registries. Another one keeps the names of exempt namespaces for the group
    `webhook.exempt_namespace_creators`. Without --disarmed the same input prints the same text.

    The namespace of --service must be exempt, because the webhook's own Pods have to start while no webhook answers.

    \b
    Example:
      assay webhook manifest --config assay.yaml --service assay/webhook --ca tls/ca.crt
    """
    address = service or url
    if address is None or (service and url):
        raise click.UsageError("name the webhook by --service or by --url")
    if guarded_service and service is None:
        raise click.UsageError("--guarded-service is about the namespace of --service")
    guard = load_guard(configuration)
    if service is not None and not guarded_service:
        require_exempt_service(guard, service)
    begun = None
    if disarmed:
        now = composition(ctx).clock().now().astimezone(UTC)
        begun = Change(action=Action.DISARM, by="assay webhook manifest", at=now, reason="installed, not armed yet")
    documents = make_manifest(guard, address, ca.read_bytes(), disarmed=begun, static_policy=static_policy)
    click.echo(render_json(documents) if output == "json" else render_yaml(documents), nl=False)


@webhook.command("provider-manifest")
@click.option("--config", "configuration", type=FILE, required=True, help="The configuration file of the provider.")
@click.option("--url", required=True, help="The provider's https address, such as https://provider.assay.svc:8444.")
@click.option("--ca", type=FILE, required=True, help="The authority of its certificate (ca.crt).")
@click.option("--pin", is_flag=True, help="With what pins the images of Pods; needs Gatekeeper's mutation.")
@click.option(
    "--templates/--no-templates",
    default=True,
    show_default=True,
    help="Ask about templates of Pods too, which must then name digests.",
)
@click.option("--exempt-namespace", "exempt", multiple=True, metavar="NAME", help="Ask nothing here; repeatable.")
@click.option("--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="The form.")
def provider_manifest(
    configuration: Path, url: str, ca: Path, exempt: tuple[str, ...], *, pin: bool, templates: bool, output: str
) -> None:
    """Print what Gatekeeper is given, for `kubectl apply --server-side -f -`.

    A Provider, a ConstraintTemplate that denies every image without a positive answer, and its Constraint. The CRD of
    the Constraint exists once Gatekeeper has seen the template: apply twice. The same input prints the same text.

    \b
    Example:
      assay webhook provider-manifest --config assay.yaml --url https://provider.assay.svc:8444 --ca tls/ca.crt
    """
    guard, rego = load_provider_guard(
        configuration, url=url, ca_bundle=ca.read_bytes(), exempt_namespaces=frozenset(exempt), templates=templates
    )
    documents = make_provider_manifest(guard, rego, pin=pin)
    click.echo(render_json(documents) if output == "json" else render_yaml(documents), nl=False)


@webhook.command("disarm")
@_kubeconfig_option
@_reason_option
@output_option
@click.pass_context
def disarm_command(ctx: click.Context, kubeconfig: Path | None, reason: str, output: str) -> None:
    """Take the webhook out of the API server's way: it asks about nothing and blocks nothing.

    For the hour in which nothing starts because no webhook answers: this needs none of our Pods, only the right to
    update webhook configurations. Who did it, when and why stands in the annotation assay.dev/history of both
    configurations. The static policy stays: images still need a digest and an allowed registry.

    \b
    Example:
      assay webhook disarm --reason "INC-4711: no webhook Pod gets a node"
    """
    _change(ctx, Action.DISARM, kubeconfig, reason, output)


@webhook.command("arm")
@_kubeconfig_option
@_reason_option
@output_option
@click.pass_context
def arm_command(ctx: click.Context, kubeconfig: Path | None, reason: str, output: str) -> None:
    """Put the webhook back as it was before it was disarmed, and look whether it is.

    \b
    Example:
      assay webhook arm --reason "INC-4711: resolved"
    """
    _change(ctx, Action.ARM, kubeconfig, reason, output)


def _change(ctx: click.Context, action: Action, kubeconfig: Path | None, reason: str, output: str) -> None:
    clock = composition(ctx).clock()
    deadline = Deadline.after(_CLUSTER_SECONDS, clock.monotonic)
    outcome = take_way_out(
        compose_cluster(kubeconfig), action, reason=reason, now=clock.now().astimezone(UTC), deadline=deadline
    )
    if output == "json":
        click.echo(json.dumps({"action": action.value, "by": outcome.by, "changed": outcome.changed}))
        return
    state = "armed" if action is Action.ARM else "disarmed"
    click.echo(f"the webhook is {state}: {', '.join(outcome.changed) or 'nothing was to be done'} (by {outcome.by})")


@webhook.group()
def certificates() -> None:
    """Make, check and rotate the webhook's certificate and its private authority."""


@certificates.command()
@_folder_option
@click.option("--name", "names", multiple=True, required=True, help="A name or address that callers use; repeatable.")
@click.option("--days", type=click.IntRange(1, 90), default=90, show_default=True, help="How long they live.")
@click.pass_context
def make(ctx: click.Context, folder: Path, names: tuple[str, ...], days: int) -> None:
    """Make an authority and a serving certificate in a FOLDER that holds none.

    The authority's key signs this one certificate and is forgotten: there is nothing to steal that could issue another.
    The API server calls a Service by the name NAME.NAMESPACE.svc.

    \b
    Example:
      assay webhook certificates make --folder tls --name webhook.assay.svc
    """
    now = composition(ctx).clock().now()
    compose_certificate_folder(folder).create(make_certificates(names, now, timedelta(days=days)))
    click.echo(f"authority:   {folder / 'ca.crt'} (for `assay webhook manifest --ca`)")
    click.echo(f"certificate: {folder / 'tls.crt'}")
    click.echo(f"key:         {folder / 'tls.key'} (keep it secret)")


@certificates.command()
@_folder_option
@click.argument("step", type=click.Choice([step.value for step in Step]))
@click.pass_context
def rotate(ctx: click.Context, folder: Path, step: str) -> None:
    """Take one STEP of a rotation: stage, then switch, then finish. A step that was taken changes nothing.

    \b
    stage   issues the next certificate; ca.crt holds the old authority and the new one
    switch  puts it in the place of the old one; a running server takes it up within seconds
    finish  takes the old authority out of ca.crt

    The API server must have the new ca.crt before `switch` and after `finish`: apply the manifest again.

    \b
    Example:
      assay webhook certificates rotate --folder tls stage
    """
    files = compose_certificate_folder(folder)
    before = files.read()
    after = take_step(before, Step(step), composition(ctx).clock().now())
    files.write(after)
    click.echo(f"{step}: {'already taken' if after == before else 'done'}; {_NEXT_ACTION[Step(step)]}")


@certificates.command()
@_folder_option
@output_option
@click.pass_context
def check(ctx: click.Context, folder: Path, output: str) -> None:
    """Look at the certificate that serves; exits with 1 when something is to be done, such as renewing it.

    Renewal is due after two thirds of its life. Run it twice a day.

    \b
    Example:
      assay webhook certificates check --folder tls
    """
    files = compose_certificate_folder(folder)
    report = inspect_certificates(files.read(), composition(ctx).clock().now())
    problems = [*report.problems, *([] if files.is_private() else ["others can read tls.key"])]
    if output == "json":
        document = {
            "names": report.names,
            "ends": report.ends.isoformat(),
            "renew_at": report.renew_at.isoformat(),
            "problems": problems,
        }
        click.echo(json.dumps(document))
    else:
        click.echo(f"names:    {', '.join(report.names)}")
        click.echo(f"ends:     {report.ends.isoformat()}")
        click.echo(f"renew at: {report.renew_at.isoformat()}")
        for problem in problems:
            click.echo(f"problem:  {problem}")
    ctx.exit(ExitCode.DENY if problems else ExitCode.ALLOW)
