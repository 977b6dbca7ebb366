"""Which images a Kubernetes object names, and where."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference
from assay_webhooks.review import GroupVersionKind

_POD_SPEC_PATHS: Mapping[GroupVersionKind, tuple[str, ...]] = {
    GroupVersionKind(group="", version="v1", kind="Pod"): ("spec",),
    GroupVersionKind(group="", version="v1", kind="PodTemplate"): ("template", "spec"),
    GroupVersionKind(group="", version="v1", kind="ReplicationController"): ("spec", "template", "spec"),
    GroupVersionKind(group="apps", version="v1", kind="Deployment"): ("spec", "template", "spec"),
    GroupVersionKind(group="apps", version="v1", kind="ReplicaSet"): ("spec", "template", "spec"),
    GroupVersionKind(group="apps", version="v1", kind="StatefulSet"): ("spec", "template", "spec"),
    GroupVersionKind(group="apps", version="v1", kind="DaemonSet"): ("spec", "template", "spec"),
    GroupVersionKind(group="batch", version="v1", kind="Job"): ("spec", "template", "spec"),
    GroupVersionKind(group="batch", version="v1", kind="CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
}
# `pods/ephemeralcontainers`, `pods/resize` and `*/status` carry the whole object under the same kind, so the kind alone
# decides. `*/scale` has a kind of its own (`autoscaling/v1 Scale`) and is refused like any other unknown kind.

MOST_IMAGES = 256
"""Images of one object: far above what a node could run, far below what an object of 3 MiB could make us look up."""

_IMAGE_WORDS = frozenset({"image", "reference"})
_NOT_AN_IMAGE = re.compile(
    # Label maps, whose keys users choose, and the name of a Ceph block device.
    r"/nodeSelector/[^/]+"
    r"|/(?:affinity|topologySpreadConstraints)/.+/matchLabels/[^/]+"
    r"|/volumes/\d+/rbd/image"
    r"|/volumes/\d+/ephemeral/volumeClaimTemplate/(?:metadata/(?:labels|annotations)|spec/selector/matchLabels)/[^/]+"
    r"|/volumes/\d+/projected/sources/\d+/clusterTrustBundle/labelSelector/matchLabels/[^/]+"
)


class ImageRole(StrEnum):
    """The member of a PodSpec an image stands in; moving an image to another one changes what runs."""

    CONTAINER = "containers"
    INIT_CONTAINER = "initContainers"
    EPHEMERAL_CONTAINER = "ephemeralContainers"
    VOLUME = "volumes"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """The PodSpec of an object and the JSON pointer to it."""

    pointer: str
    members: Mapping[str, object] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageField:
    """One image an object names: where, as what, as written, and as the canonical reference.

    `pointer` (RFC 6901) consists of Kubernetes field names and indices only.
    """

    pointer: str
    role: ImageRole
    written: str
    reference: Reference


def find_pod_spec(kind: GroupVersionKind, untrusted_object: object) -> PodSpec:
    """Find the PodSpec of an object of this kind.

    Raises `InvalidInput`: `kind_unsupported` for a kind that is not in the table (whoever registered it asked for a
    judgement we cannot make), `object_malformed` when the object is not of the kind that the request names or its
    shape is wrong, `no_images_found` when there is no PodSpec.
    """
    path = _POD_SPEC_PATHS.get(kind)
    if path is None:
        raise InvalidInput(
            "kind_unsupported",
            "objects of this kind are not known to run images",
            remedy="take the kind out of the webhook's rules",
        )
    members = _members(untrusted_object, "the object")
    if members.get("kind") != kind.kind or members.get("apiVersion") != kind.api_version:
        raise _malformed("the object is not of the kind that the request names")
    pointer = ""
    for name in path:
        pointer = f"{pointer}/{name}"
        if members.get(name) is None:
            raise _no_images(pointer)
        members = _members(members[name], pointer)
    return PodSpec(pointer=pointer, members=members)


def extract_images(pod_spec: PodSpec) -> tuple[ImageField, ...]:
    """Every image of a PodSpec in document order, duplicates kept; never empty.

    Containers, init containers (native sidecars among them), ephemeral containers and image volumes. Raises
    `InvalidInput`: `image_missing`, `reference_malformed`, `object_malformed`, `no_images_found`, `too_many_images`
    (more than `MOST_IMAGES`), and `unknown_image_field` when an `image` or `reference` stands at a place that is not
    known, so that a field of a later Kubernetes release cannot smuggle one in. Messages name places, never what stands
    there.
    """
    images = (
        image
        for name, value in pod_spec.members.items()
        if name in _ROLES and value is not None
        for image in _extract_list(ImageRole(name), value, f"{pod_spec.pointer}/{name}")
    )
    found = tuple(islice(images, MOST_IMAGES + 1))
    if len(found) > MOST_IMAGES:
        raise InvalidInput(
            "too_many_images", f"{pod_spec.pointer} names more than {MOST_IMAGES} images", remedy="split the object"
        )
    _refuse_unknown_places(pod_spec, frozenset(image.pointer for image in found))
    if not found:
        raise _no_images(pod_spec.pointer)
    return found


_ROLES = frozenset(role.value for role in ImageRole)


def _extract_list(role: ImageRole, value: object, pointer: str) -> Iterator[ImageField]:
    if not isinstance(value, list):
        raise _malformed(f"{pointer} is not a list")
    for index, item in enumerate(value):
        members = _members(item, f"{pointer}/{index}")
        if role is not ImageRole.VOLUME:
            yield _extract_image(role, members.get("image"), f"{pointer}/{index}/image")
        elif members.get("image") is not None:
            source = _members(members["image"], f"{pointer}/{index}/image")
            yield _extract_image(role, source.get("reference"), f"{pointer}/{index}/image/reference")


def _extract_image(role: ImageRole, value: object, pointer: str) -> ImageField:
    if value is None or value == "":
        raise InvalidInput("image_missing", f"{pointer} names no image", remedy="name the image in the object itself")
    if not isinstance(value, str):
        raise _malformed(f"{pointer} is not a string")
    try:
        reference = Reference.parse(value)
    except InvalidInput as error:
        raise InvalidInput(error.code, f"{pointer} is not an image reference", remedy=error.remedy) from error
    return ImageField(pointer=pointer, role=role, written=value, reference=reference)


def _refuse_unknown_places(pod_spec: PodSpec, known: frozenset[str]) -> None:
    pending: list[tuple[str, object]] = [("", pod_spec.members)]
    while pending:
        pointer, value = pending.pop()
        for name, child in _children(value):
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name in _IMAGE_WORDS and _may_name_an_image(child, f"{pod_spec.pointer}{place}", place, known):
                raise InvalidInput(
                    "unknown_image_field",
                    f"{pod_spec.pointer} names an image at a place this release does not know",
                    remedy="remove the field, or use a release that knows this version of Kubernetes",
                )
            pending.append((place, child))


def _may_name_an_image(value: object, pointer: str, place: str, known: frozenset[str]) -> bool:
    # An object is walked into instead; null names nothing.
    holds_text = value is not None and not isinstance(value, dict)
    return holds_text and pointer not in known and not _NOT_AN_IMAGE.fullmatch(place)


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield str(index), item


def _members(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _malformed(f"{what} is not an object")
    return value


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("object_malformed", why, remedy="send the object as its API type describes it")


def _no_images(pointer: str) -> InvalidInput:
    return InvalidInput(
        "no_images_found", f"{pointer} names no image", remedy="name at least one container with its image"
    )
