"""A cluster in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.domain.cluster import Namespace, WantedImage
from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable


@dataclass(kw_only=True)
class FakeCluster:
    """Implements the port `Cluster` over what a test puts into it.

    `labels` are those of each namespace. `pull_secrets` are docker configurations by namespace and name of the secret,
    `accounts` the names of the pull secrets of a service account, by namespace and name. `error`, once set, is what
    every call raises; `asked` are the arguments of `fetch_pull_secrets`.
    """

    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    pull_secrets: dict[tuple[str, str], bytes] = field(default_factory=dict)
    accounts: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    wanted: tuple[WantedImage, ...] = ()
    error: Unavailable | None = None
    asked: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    def get_namespace(self, name: str, *, may_wait: bool = True) -> Namespace:
        del may_wait  # nothing becomes known here by waiting
        if self.error is not None:
            raise self.error
        if name not in self.labels:
            raise Unavailable("namespace_unknown", f"the namespace {name} was never seen", remedy="repeat the request")
        return Namespace(name=name, labels=tuple(sorted(self.labels[name].items())))

    def fetch_pull_secrets(
        self, namespace: str, service_account: str, named: Sequence[str], deadline: Deadline
    ) -> Sequence[bytes]:
        deadline.remaining("the pull secrets")
        self.asked.append((namespace, service_account, tuple(named)))
        if self.error is not None:
            raise self.error
        names = dict.fromkeys((*named, *self.accounts.get((namespace, service_account), ())))
        keys = [(namespace, name) for name in names]
        return [self.pull_secrets[key] for key in keys if key in self.pull_secrets]

    def wanted_images(self) -> Sequence[WantedImage]:
        if self.error is not None:
            raise self.error
        return self.wanted
