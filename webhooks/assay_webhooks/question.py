"""What an admission request asks: whether it is judged at all, and the question it poses."""

from collections import Counter
from dataclasses import replace
from enum import StrEnum

from assay.domain.admission import AdmissionQuestion
from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference
from assay_webhooks.review import AdmissionRequest, Operation
from assay_webhooks.workloads import ImageField, ImageRole, PodSpec, extract_images, find_pod_spec

_MOST_PULL_SECRETS = 32


class Exemption(StrEnum):
    """Why a request is allowed without evidence; the word stands in its audit annotation."""

    DELETION = "deletion"
    IMAGES_UNCHANGED = "images_unchanged"


def find_exemption(request: AdmissionRequest) -> Exemption | None:
    """Say whether the request is allowed without evidence.

    | operation | rule |
    | --- | --- |
    | DELETE | exempt: it starts nothing, and refusing it would keep what should go; it should not be registered |
    | UPDATE, image set unchanged | exempt: never block the removal of a finalizer, a status, a label, a scale-down |
    | UPDATE, image set changed | judged, whatever else changes, also when the object is terminating |
    | UPDATE without an old object we can read | judged |
    | CREATE | judged, also with a `deletionTimestamp` set by the client |
    | CONNECT | `InvalidInput(operation_unsupported)` |

    The set is unchanged when old and new hold the same (role, canonical reference) pairs equally often; with a digest
    the tag is display only. Raises what `find_pod_spec` and `extract_images` raise for the new object.
    """
    if request.operation is Operation.DELETE:
        return Exemption.DELETION
    if request.operation is Operation.CONNECT:
        raise InvalidInput(
            "operation_unsupported",
            "a CONNECT names no image that could be judged",
            remedy="take CONNECT out of the webhook's rules",
        )
    if request.operation is Operation.UPDATE and _keeps_its_images(request):
        return Exemption.IMAGES_UNCHANGED
    return None


def find_images(request: AdmissionRequest) -> tuple[ImageField, ...]:
    """Every image of the request's object; raises what `find_pod_spec` and `extract_images` raise."""
    return extract_images(find_pod_spec(request.kind, request.untrusted_object))


def require_digests(images: tuple[ImageField, ...]) -> None:
    """Raise `InvalidInput(digest_required)` unless every image is named by digest.

    For the validating hook: whatever pinned or injected an image before, what runs must be what was judged.
    """
    for image in images:
        if image.reference.digest is None:
            raise InvalidInput(
                "digest_required",
                f"{image.pointer} is not pinned to a digest",
                remedy="name the image by digest, or check that the mutating webhook is registered and runs first",
            )


def pose_question(request: AdmissionRequest, images: tuple[ImageField, ...]) -> AdmissionQuestion:
    """The question about these images of the request's object.

    `labels` are those of the object's own metadata, sorted; `service_account` is the one its Pods will run under
    (`default` when it names none), `pull_secrets` the names in its `imagePullSecrets`, 32 at most. Raises
    `InvalidInput(object_malformed)`.
    """
    if not request.namespace:
        raise InvalidInput(
            "object_malformed", "the request names no namespace", remedy="send the request of a namespaced object"
        )
    pod_spec = find_pod_spec(request.kind, request.untrusted_object)
    return AdmissionQuestion(
        uid=request.uid,
        operation=request.operation,
        namespace=request.namespace,
        kind=request.kind.kind,
        name=request.name,
        user=request.user,
        service_account=_service_account(pod_spec),
        dry_run=request.dry_run,
        labels=_labels(request.untrusted_object),
        references=tuple(dict.fromkeys(image.reference for image in images)),
        pull_secrets=_pull_secrets(pod_spec),
    )


def _keeps_its_images(request: AdmissionRequest) -> bool:
    new = find_pod_spec(request.kind, request.untrusted_object)
    try:
        old = find_pod_spec(request.kind, request.untrusted_old_object)
        if new == old and new.members.get("containers"):
            # Objects older than the webhook may hold what it would refuse today; their labels can still be edited.
            return True
        old_images = extract_images(old)
    except InvalidInput:
        return False
    return _image_set(extract_images(new)) == _image_set(old_images)


def _image_set(images: tuple[ImageField, ...]) -> Counter[tuple[ImageRole, Reference]]:
    return Counter((image.role, _without_display(image.reference)) for image in images)


def _without_display(reference: Reference) -> Reference:
    return replace(reference, tag="") if reference.digest else reference


def _service_account(pod_spec: PodSpec) -> str:
    # `serviceAccount` is the deprecated alias that the API server still fills in.
    for name in ("serviceAccountName", "serviceAccount"):
        account = pod_spec.members.get(name)
        if account is not None and not isinstance(account, str):
            raise _malformed(f"{pod_spec.pointer}/{name} is not a string")
        if account:
            return account
    return "default"


def _pull_secrets(pod_spec: PodSpec) -> tuple[str, ...]:
    entries = pod_spec.members.get("imagePullSecrets")
    if entries is None:
        return ()
    if not isinstance(entries, list) or len(entries) > _MOST_PULL_SECRETS:
        raise _malformed(f"{pod_spec.pointer}/imagePullSecrets is not a list of at most {_MOST_PULL_SECRETS}")
    names = [entry.get("name", "") if isinstance(entry, dict) else None for entry in entries]
    if not all(isinstance(name, str) for name in names):
        raise _malformed(f"{pod_spec.pointer}/imagePullSecrets has an entry that names no secret")
    return tuple(dict.fromkeys(str(name) for name in names if name))  # the API server lets empty names pass


def _labels(untrusted_object: object) -> tuple[tuple[str, str], ...]:
    metadata = untrusted_object.get("metadata") if isinstance(untrusted_object, dict) else None
    if metadata is not None and not isinstance(metadata, dict):
        raise _malformed("/metadata is not an object")
    labels = (metadata or {}).get("labels")
    if labels is None:
        return ()
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise _malformed("/metadata/labels is not a map of strings")
    return tuple(sorted(labels.items()))


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("object_malformed", why, remedy="send the object as its API type describes it")
