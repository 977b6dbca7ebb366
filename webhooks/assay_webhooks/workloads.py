"""Which images a Kubernetes object names, and where."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import CustomResource
from assay.domain.errors import InvalidInput
from assay.domain.field_path import FieldPath, Place
from assay.domain.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where objects of a kind name images: in PodSpecs, in single fields, or in both.

    Without `images_required` an object may name none.
    """

    pod_specs: tuple[FieldPath, ...] = ()
    images: tuple[FieldPath, ...] = ()
    images_required: bool = True


Kinds = Mapping[GroupVersionKind, Layout]
"""The kinds that are judged. Whoever registers another one asked for a judgement we cannot make."""

POD = GroupVersionKind(group="", version="v1", kind="Pod")

_KUBERNETES = {
    ("", "Pod"): "spec",
    ("", "PodTemplate"): "template.spec",
    ("", "ReplicationController"): "spec.template.spec",
    ("apps", "Deployment"): "spec.template.spec",
    ("apps", "ReplicaSet"): "spec.template.spec",
    ("apps", "StatefulSet"): "spec.template.spec",
    ("apps", "DaemonSet"): "spec.template.spec",
    ("batch", "Job"): "spec.template.spec",
    ("batch", "CronJob"): "spec.jobTemplate.spec.template.spec",
}
# `pods/ephemeralcontainers`, `pods/resize` and `*/status` carry the whole object under the same kind, so the kind alone
# decides. `*/scale` has a kind of its own (`autoscaling/v1 Scale`) and is refused like any other unknown kind.

# The Pods of a cluster name the same images again and again.
_parse_reference = lru_cache(maxsize=2048)(Reference.parse)

MOST_IMAGES = 256
"""Images of one object: far above what a node could run, far below what an object of 3 MiB could make us look up."""

_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
_INDEX = re.compile(r"/[0-9]+(?![^/])", re.ASCII)
_IMAGE_WORDS = frozenset({"image", "reference"})
_NOT_AN_IMAGE = re.compile(
    # Label maps, whose keys users choose, and the name of a Ceph block device.
    r"/nodeSelector/[^/]+"
    r"|/(?:affinity|topologySpreadConstraints)/.+/matchLabels/[^/]+"
    r"|/volumes/\d+/rbd/image"
    r"|/volumes/\d+/ephemeral/volumeClaimTemplate/(?:metadata/(?:labels|annotations)|spec/selector/matchLabels)/[^/]+"
    r"|/volumes/\d+/projected/sources/\d+/clusterTrustBundle/labelSelector/matchLabels/[^/]+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageField:
    """One image an object names: where, as what, as written, and as the canonical reference.

    `pointer` (RFC 6901) is exact; `words` is the same place for messages, without any text that a user chose. `role`
    is the same place whatever its index: moving an image to another one changes what runs.
    """

    pointer: str
    words: str
    written: str
    reference: Reference

    @property
    def role(self) -> str:
        """The place whatever its index."""
        return _INDEX.sub("/*", self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An object, and the places its kind says: its PodSpecs and its single images; nothing there was looked into."""

    pod_specs: tuple[Place, ...]
    image_places: tuple[Place, ...]
    images_required: bool


def compile_kinds(custom_resources: Iterable[CustomResource] = ()) -> Kinds:
    """The kinds of Kubernetes that run images, and custom resources beside them."""
    kinds = {
        GroupVersionKind(group=group, version="v1", kind=kind): Layout(pod_specs=(FieldPath.parse(path),))
        for (group, kind), path in _KUBERNETES.items()
    }
    for custom in custom_resources:
        kinds[custom.kind] = Layout(
            pod_specs=custom.pod_specs, images=custom.images, images_required=custom.images_required
        )
    return kinds


def find_workload(kinds: Kinds, kind: GroupVersionKind, untrusted_object: object) -> Workload:
    """Find the PodSpecs and images of an object of this kind.

    Raises `InvalidInput`: `kind_unsupported` for a kind that is not known, `object_malformed` when the object is not
    of the kind that the request names or its shape is wrong, `no_images_found` when it has neither PodSpec nor image
    and must have one.
    """
    layout = kinds.get(kind)
    if layout is None:
        raise InvalidInput(
            "kind_unsupported",
            "objects of this kind are not known to run images",
            remedy="take the kind out of the webhook's rules, or describe it in webhook.custom_resources",
        )
    members = _members(untrusted_object, "the object")
    if members.get("kind") != kind.kind or members.get("apiVersion") != kind.api_version:
        raise _malformed("the object is not of the kind that the request names")
    workload = Workload(
        pod_specs=_select(layout.pod_specs, untrusted_object),
        image_places=_select(layout.images, untrusted_object),
        images_required=layout.images_required,
    )
    if layout.images_required and not (workload.pod_specs or workload.image_places):
        raise _no_images("the object")
    return workload


def extract_images(workload: Workload) -> tuple[ImageField, ...]:
    """Every image of a workload, those of one PodSpec in document order, duplicates kept.

    In a PodSpec: containers, init containers (native sidecars among them), ephemeral containers and image volumes;
    each names at least one. Empty only when the kind need not name any. Raises `InvalidInput`: `image_missing`,
    `reference_malformed`, `object_malformed`, `no_images_found`, `too_many_images` (more than `MOST_IMAGES`), and
    `unknown_image_field` when an `image` or `reference` stands at a place of a PodSpec that is not known, so that a
    field of a later Kubernetes release cannot smuggle one in. Messages name places, never what stands there.
    """
    # Two paths may lead to one place; the patch must change it once.
    found = {image.pointer: image for image in _limited(map(_extract_image, workload.image_places))}
    for pod_spec in workload.pod_specs:
        images = _limited(_extract_pod_spec(pod_spec))
        if not images:
            raise _no_images(pod_spec.words)
        found.update({image.pointer: image for image in images})
        if _count_image_words(pod_spec.value) != len(images):
            _refuse_unknown_places(pod_spec, frozenset(found))
    return _limited(found.values())


def _select(paths: tuple[FieldPath, ...], untrusted_object: object) -> tuple[Place, ...]:
    places = (place for path in paths for place in path.select(untrusted_object))
    return tuple({place.pointer: place for place in places}.values())


def _limited(images: Iterable[ImageField]) -> tuple[ImageField, ...]:
    found = tuple(islice(images, MOST_IMAGES + 1))
    if len(found) > MOST_IMAGES:
        raise InvalidInput(
            "too_many_images", f"the object names more than {MOST_IMAGES} images", remedy="split the object"
        )
    return found


def _extract_pod_spec(pod_spec: Place) -> Iterator[ImageField]:
    for name, value in _members(pod_spec.value, pod_spec.words).items():
        if name in _CONTAINERS and value is not None:
            for item, members in _items(pod_spec.member(name, value)):
                yield _extract_image(item.member("image", members.get("image")))
        elif name == "volumes" and value is not None:
            yield from _extract_volumes(pod_spec.member(name, value))


def _extract_volumes(volumes: Place) -> Iterator[ImageField]:
    for volume, members in _items(volumes):
        if members.get("image") is not None:
            source = volume.member("image", members["image"])
            reference = _members(source.value, source.words).get("reference")
            yield _extract_image(source.member("reference", reference))


def _items(place: Place) -> Iterator[tuple[Place, Mapping[str, object]]]:
    if not isinstance(place.value, list):
        raise _malformed(f"{place.words} is not a list")
    for index, item in enumerate(place.value):
        child = place.member(str(index), item)
        yield child, _members(item, child.words)


def _extract_image(place: Place) -> ImageField:
    value = place.value
    if value is None or value == "":
        raise InvalidInput(
            "image_missing", f"{place.words} names no image", remedy="name the image in the object itself"
        )
    if not isinstance(value, str):
        raise _malformed(f"{place.words} is not a string")
    try:
        reference = _parse_reference(value)
    except InvalidInput as error:
        raise InvalidInput(error.code, f"{place.words} is not an image reference", remedy=error.remedy) from error
    return ImageField(pointer=place.pointer, words=place.words, written=value, reference=reference)


def _count_image_words(pod_spec: object) -> int:
    # Where there are as many as known images, no other place can name one: each known image stands at such a word.
    # It walks through every object that is reviewed, so it asks for exact types: a parser of JSON makes no others.
    count = 0
    pending: list[object] = [pod_spec]
    for value in pending:  # which grows meanwhile
        if type(value) is dict:
            if "image" in value and _holds_text(value["image"]):
                count += 1
            if "reference" in value and _holds_text(value["reference"]):
                count += 1
            pending += value.values()
        elif type(value) is list:
            pending += value
    return count


def _holds_text(value: object) -> bool:
    # An object is walked into instead; null names nothing.
    return value is not None and not isinstance(value, dict)


def _refuse_unknown_places(pod_spec: Place, known: frozenset[str]) -> None:
    pending: list[tuple[str, object]] = [("", pod_spec.value)]
    while pending:
        pointer, value = pending.pop()
        for name, child in _children(value):
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name in _IMAGE_WORDS and _may_name_an_image(child, f"{pod_spec.pointer}{place}", place, known):
                raise InvalidInput(
                    "unknown_image_field",
                    f"{pod_spec.words} names an image at a place this release does not know",
                    remedy="remove the field, or use a release that knows this version of Kubernetes",
                )
            pending.append((place, child))


def _may_name_an_image(value: object, pointer: str, place: str, known: frozenset[str]) -> bool:
    return _holds_text(value) and pointer not in known and not _NOT_AN_IMAGE.fullmatch(place)


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


def _no_images(where: str) -> InvalidInput:
    return InvalidInput(
        "no_images_found", f"{where} names no image", remedy="name at least one container with its image"
    )
