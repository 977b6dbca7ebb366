"""What the configuration says about the cluster whose admission is decided."""

from assay.configuration.section import Section, refuse
from assay.configuration.settings import ClusterSettings, WebhookSettings

_UNSAFE = "unsafe_pull_secrets_without_client_ca"


def read_cluster(section: Section | None, webhook: WebhookSettings | None) -> ClusterSettings | None:
    """Read the section `cluster`; `ConfigError(configuration_invalid)` naming the place.

    Guaranteed: pull secrets are used for an API server that proves who it is, or because the configuration says in so
    many words that anybody may make the webhook use them.
    """
    if section is None:
        return None
    if webhook is None:
        raise refuse("cluster", "there is no webhook that would ask it", "add `webhook`, or remove `cluster`")
    kubeconfig, in_cluster = section.text("kubeconfig", ""), section.has("in_cluster") and section.flag("in_cluster")
    if bool(kubeconfig) == in_cluster:
        raise refuse("cluster", "it is not said how the cluster is reached", "write `in_cluster: true` or `kubeconfig`")
    pull_secrets = section.has("pull_secrets") and section.flag("pull_secrets")
    unsafe = section.has(_UNSAFE) and section.flag(_UNSAFE)
    if pull_secrets and not webhook.tls.client_ca and not unsafe:
        raise refuse(
            "cluster.pull_secrets",
            "anybody who reaches the webhook could make it use them",
            f"set `webhook.tls.client_ca`; where the API server has no client certificate, write `{_UNSAFE}: true`",
        )
    if unsafe and (not pull_secrets or webhook.tls.client_ca):
        raise refuse(f"cluster.{_UNSAFE}", "it has no effect here", "remove it")
    settings = ClusterSettings(
        kubeconfig=kubeconfig,
        namespace_max_age_seconds=section.integer("namespace_max_age_seconds", 60, lowest=20, highest=3600),
        pull_secrets=pull_secrets,
    )
    section.finish()
    return settings
