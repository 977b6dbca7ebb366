"""The images of ReplicaSets that are to have Pods."""

from collections.abc import Iterator, Mapping

from assay.adapters.kubernetes.connection import unavailable
from assay.adapters.kubernetes.list_watch import Key, ListWatch, WatchedResource
from assay.domain.cluster import WantedImage
from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference
from assay.formats.open_object import OpenObject

Images = tuple[WantedImage, ...]


def _read_images(item: OpenObject) -> Images | None:
    """What its Pods run, where it is to have any; what is no reference, or names no digest, nobody can prepare for."""
    spec = item.section("spec")
    wanted = spec.integer("replicas", 1) > 0
    namespace = item.section("metadata").text("namespace")
    pod = spec.optional_section("template").optional_section("spec")
    return tuple(_named_by_digest(namespace, pod)) or None if wanted else None


def _named_by_digest(namespace: str, pod: OpenObject) -> Iterator[WantedImage]:
    for key in ("containers", "initContainers"):
        for container in pod.sections(key):
            reference = _reference(container.text("image", ""))
            if reference is not None and reference.digest is not None:
                yield WantedImage(namespace=namespace, reference=reference)


def _reference(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except InvalidInput:
        return None


REPLICA_SETS = WatchedResource(
    word="replicasets",
    path="/apis/apps/v1/replicasets",
    accept="application/json",
    page=100,  # whole objects, some of which are large
    pages=500,
    seconds=60,
    read=_read_images,
)


class WantedImages:
    """The distinct images of what is known of ReplicaSets, for one thread."""

    def __init__(self, replica_sets: ListWatch[Images]) -> None:
        self._replica_sets = replica_sets
        self._known: Mapping[Key, Images] = {}
        self._images: Images = ()

    def current(self) -> Images:
        """See `Cluster.wanted_images`."""
        if late := self._replica_sets.late():
            raise unavailable(late)
        known = self._replica_sets.known
        if known is not self._known:
            self._known, self._images = known, tuple(dict.fromkeys(image for each in known.values() for image in each))
        return self._images
