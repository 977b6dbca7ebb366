"""What an admission webhook covers beyond the kinds of Kubernetes itself, and what it leaves alone."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from assay.domain.api_type import GroupVersionKind
from assay.domain.field_path import FieldPath


class Pin(StrEnum):
    """Which objects get digests: Pods alone, or the templates they are made from too.

    A pinned template differs from what a GitOps tool applied; an unpinned one may give Pods of different digests.
    """

    PODS = "pods"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomResource:
    """A custom resource and where its objects name images.

    `resource` is the plural by which the API server's rules know the kind. `images` lead to image references,
    `pod_specs` to PodSpecs. Without `images_required` an object may name none, because it may refer to another one.
    """

    kind: GroupVersionKind
    resource: str
    images: tuple[FieldPath, ...] = ()
    pod_specs: tuple[FieldPath, ...] = ()
    images_required: bool = True

    def __post_init__(self) -> None:
        if not self.kind.group:
            raise ValueError("a custom resource is not of the core group")
        if not (self.images or self.pod_specs):
            raise ValueError("a custom resource without paths could never be judged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The custom resources that are judged, the namespaces that are not, and what is pinned.

    Namespaces are exempt by name, which is immutable, and never by a label, which whoever edits the namespace sets.
    """

    custom_resources: tuple[CustomResource, ...] = ()
    exempt_namespaces: frozenset[str] = field(default_factory=frozenset)
    pin: Pin = Pin.ALL

    def __post_init__(self) -> None:
        kinds = Counter(custom.kind for custom in self.custom_resources)
        if any(count > 1 for count in kinds.values()):
            raise ValueError("a kind is described once")
