"""Whose policy applies to a namespace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from assay.domain.cluster import Namespace
from assay.domain.errors import InvalidInput, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRule:
    """Namespaces that belong to one tenant and environment: by name, by labels, or by both, and then both must hold.

    Without names every name matches; all of `labels` must stand in the namespace with exactly these values. A rule
    that says neither matches every namespace.
    """

    tenant: str
    environment: str
    names: frozenset[str] = field(default_factory=frozenset)
    labels: tuple[tuple[str, str], ...] = ()

    def covers(self, name: str, labels: Sequence[tuple[str, str]]) -> bool:
        """Whether a namespace of this name with these labels belongs to the tenant."""
        return (not self.names or name in self.names) and set(self.labels) <= set(labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """The tenant and environment of a namespace, and the labels by which it was found (none when only by name)."""

    tenant: str
    environment: str
    namespace_labels: tuple[tuple[str, str], ...]


def find_tenancy(rules: Sequence[TenantRule], name: str, get_namespace: Callable[[str], Namespace] | None) -> Tenancy:
    """The tenancy that the first matching rule gives a namespace.

    The namespace is looked up when the first rule in question needs its labels, and only then: rules by name hold
    while the cluster cannot be asked. Raises `InvalidInput(namespace_unmatched)`, what `get_namespace` raises, and
    `Unavailable(namespace_unknown)` when there is no cluster to ask.
    """
    namespace: Namespace | None = None
    for rule in rules:
        if not rule.labels and rule.covers(name, ()):
            return Tenancy(tenant=rule.tenant, environment=rule.environment, namespace_labels=())
        if rule.labels and (not rule.names or name in rule.names):
            namespace = namespace or _look_up(name, get_namespace)
            if rule.covers(name, namespace.labels):
                return Tenancy(tenant=rule.tenant, environment=rule.environment, namespace_labels=namespace.labels)
    raise InvalidInput(
        "namespace_unmatched",
        "the namespace belongs to no tenant",
        remedy="name the namespace in webhook.tenants, or exempt it",
    )


def _look_up(name: str, get_namespace: Callable[[str], Namespace] | None) -> Namespace:
    if get_namespace is None:
        raise Unavailable("namespace_unknown", "nobody watches the namespaces", remedy="add the section `cluster`")
    return get_namespace(name)
