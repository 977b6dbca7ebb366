"""What admission knows of the cluster it guards."""

from dataclasses import dataclass

from assay.domain.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace of the cluster with its labels, sorted by key."""

    name: str
    labels: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a namespace has a name")
        if list(self.labels) != sorted(dict(self.labels).items()):
            raise ValueError("labels are sorted and have one value each")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedImage:
    """An image that something in a namespace is to run, as it is written there."""

    namespace: str
    reference: Reference
