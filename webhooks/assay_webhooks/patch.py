"""The JSON Patch (RFC 6902) that pins images to the digests they were judged by."""

from collections.abc import Mapping

import orjson

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference
from assay_webhooks.workloads import ImageField


def render_patch(images: tuple[ImageField, ...], digests: Mapping[Reference, Digest]) -> bytes:
    """Render the patch that pins every image without a digest; empty when there is none.

    Each `replace` follows a `test` of the value that was judged: when another webhook shifted a list in between, the
    patch fails instead of pinning the wrong container. Applying it and rendering again gives an empty patch. Raises
    `InvalidInput(patch_impossible)` when an image has no digest to pin, or another one than it already names.
    """
    operations: list[dict[str, str]] = []
    for image in images:
        pinned = pin(image, digests.get(image.reference))
        if pinned != image.written:
            operations.append({"op": "test", "path": image.pointer, "value": image.written})
            operations.append({"op": "replace", "path": image.pointer, "value": pinned})
    return orjson.dumps(operations) if operations else b""


def pin(image: ImageField, digest: Digest | None) -> str:
    """The image as its user wrote it, with tag and digest.

    The repository keeps the user's words (`nginx:1.27` becomes `nginx:1.27@sha256:…`, not `docker.io/library/…`):
    runtimes choose mirrors and pull secrets by the host as written, and a diff shows the digest and nothing else. An
    image written without tag gets the tag that was resolved, `latest`, so that the object still says for humans what
    was asked for. The result parses to the same reference, pinned. Raises `InvalidInput(patch_impossible)`.
    """
    reference = image.reference
    if digest is None or reference.digest not in {None, digest}:
        raise InvalidInput(
            "patch_impossible",
            f"there is no digest that {image.words} could be pinned to",
            remedy="report this: an allow must come with the digest that was judged",
        )
    if reference.digest is not None:
        return image.written
    tag = f":{reference.tag}"
    return f"{image.written.removesuffix(tag)}{tag}@{digest}"
