"""The images of ReplicaSets that are to have Pods."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from assay.adapters.kubernetes.connection import KubernetesConnection, VersionExpired, unavailable
from assay.domain.cluster import WantedImage
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference
from assay.formats.open_object import OpenObject

_PATH = "/apis/apps/v1/replicasets"
_PAGE = 250
_PAGES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSetReader:
    """Lists the ReplicaSets of the whole cluster; raises `Unavailable(cluster_unavailable)` alone."""

    connection: KubernetesConnection

    def list_images(self, deadline: Deadline) -> Sequence[WantedImage]:
        """See `Cluster.list_replica_set_images`."""
        found: dict[WantedImage, None] = {}
        token = ""
        for _ in range(_PAGES):
            query = {"limit": str(_PAGE), **({"continue": token} if token else {})}
            try:
                answer = self.connection.get(f"{_PATH}?{urlencode(query)}", deadline)
                if answer is None:
                    raise unavailable("it has no ReplicaSets")
                found.update((image, None) for item in answer.sections("items") for image in _images(item))
                token = answer.section("metadata").text("continue", "")
            except VersionExpired as error:
                raise unavailable("the list changed too much while it was read") from error
            except InvalidInput as error:
                raise unavailable(error.message) from error
            if not token:
                return tuple(found)
        raise unavailable(f"there are more than {_PAGE * _PAGES} ReplicaSets")


def _images(item: OpenObject) -> Iterator[WantedImage]:
    """What its Pods run, where it is to have any; what is no reference, or names no digest, nobody can prepare for."""
    spec = item.section("spec")
    if not spec.integer("replicas", 1):
        return
    namespace = item.section("metadata").text("namespace")
    pod = spec.optional_section("template").optional_section("spec")
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
