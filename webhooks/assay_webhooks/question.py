"""What an admission request asks: whether it is judged at all, and the question it poses."""

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum

from assay.domain.admission import AdmissionQuestion
from assay.domain.coverage import Coverage, Pin
from assay.domain.errors import InvalidInput
from assay.domain.field_path import Place
from assay.domain.reference import Reference
from assay_webhooks.pod_security import read_pod_facts
from assay_webhooks.review import AdmissionRequest, Operation
from assay_webhooks.workloads import POD, ImageField, Kinds, Workload, extract_images, find_workload

_MOST_PULL_SECRETS = 32


class Exemption(StrEnum):
    """Why a request is allowed without a decision; the word stands in its audit annotation and in the log."""

    DELETION = "deletion"
    EXEMPT_NAMESPACE = "exempt_namespace"
    IMAGES_UNCHANGED = "images_unchanged"
    NO_IMAGES = "no_images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An object to be decided about, with its images; `images_unchanged` when its images ran before the request."""

    workload: Workload
    images: tuple[ImageField, ...]
    images_unchanged: bool


def examine(request: AdmissionRequest, kinds: Kinds, coverage: Coverage) -> Exemption | Subject:
    """Say what of a request is decided, or why nothing is.

    | request | rule |
    | --- | --- |
    | DELETE | exempt: it starts nothing, and refusing it would keep what should go; it should not be registered |
    | any in an exempt namespace | exempt, by the name of the request's namespace |
    | UPDATE, images and PodSpecs unchanged | exempt: never block a finalizer, a status, a label, a scale-down |
    | UPDATE, image set unchanged, PodSpec changed | only the request is decided: the images run already |
    | UPDATE, image set changed | decided, whatever else changes, also when the object is terminating |
    | UPDATE without an old object we can read | decided |
    | CREATE | decided, also with a `deletionTimestamp` set by the client |
    | no image in an object of a kind that need not name one | exempt: what it starts is decided |
    | CONNECT | `InvalidInput(operation_unsupported)` |

    The set is unchanged when old and new hold the same (role, canonical reference) pairs equally often; with a digest
    the tag is display only. Raises what `find_workload` and `extract_images` raise for the new object.
    """
    if request.operation is Operation.DELETE:
        return Exemption.DELETION
    if request.operation is Operation.CONNECT:
        raise InvalidInput(
            "operation_unsupported",
            "a CONNECT names no image that could be judged",
            remedy="take CONNECT out of the webhook's rules",
        )
    if request.namespace in coverage.exempt_namespaces:
        return Exemption.EXEMPT_NAMESPACE
    workload = find_workload(kinds, request.kind, request.untrusted_object)
    old = _find_old(request, kinds)
    if old is not None and _equal(old, workload) and _names_images(workload):
        # Objects older than the webhook may hold what it would refuse today; their labels can still be edited.
        return Exemption.IMAGES_UNCHANGED
    images = extract_images(workload)
    unchanged = old is not None and _image_set(images) == _old_image_set(old)
    if not images:
        return Exemption.NO_IMAGES
    if unchanged and old is not None and _equal(old.pod_specs, workload.pod_specs):
        return Exemption.IMAGES_UNCHANGED
    return Subject(workload=workload, images=images, images_unchanged=unchanged)


def needs_digests(request: AdmissionRequest, subject: Subject, coverage: Coverage) -> bool:
    """Whether the object must name its images by digest, and is patched to do so.

    Pods always, templates unless the coverage pins Pods alone, and neither when the images ran before.
    """
    return not subject.images_unchanged and (coverage.pin is Pin.ALL or request.kind == POD)


def require_digests(images: tuple[ImageField, ...]) -> None:
    """Raise `InvalidInput(digest_required)` unless every image is named by digest.

    For the validating hook: whatever pinned or injected an image before, what runs must be what was judged.
    """
    for image in images:
        if image.reference.digest is None:
            raise InvalidInput(
                "digest_required",
                f"{image.words} is not pinned to a digest",
                remedy="name the image by digest, or check that the mutating webhook is registered and runs first",
            )


def pose_question(request: AdmissionRequest, subject: Subject, *, final: bool = True) -> AdmissionQuestion:
    """The question about a subject of the request.

    `labels` are those of the object's own metadata, sorted; `service_account` is the one its Pods will run under
    (`default` when it names none, empty where there is no PodSpec), `pull_secrets` the names in its `imagePullSecrets`,
    32 at most. Raises `InvalidInput(object_malformed)`.
    """
    if not request.namespace:
        raise InvalidInput(
            "object_malformed", "the request names no namespace", remedy="send the request of a namespaced object"
        )
    return AdmissionQuestion(
        uid=request.uid,
        operation=request.operation,
        namespace=request.namespace,
        kind=request.kind.kind,
        name=request.name,
        user=request.user,
        groups=request.groups,
        service_account=_service_account(subject.workload),
        dry_run=request.dry_run,
        labels=_labels(request.untrusted_object),
        references=tuple(dict.fromkeys(image.reference for image in subject.images)),
        pods=tuple(map(read_pod_facts, subject.workload.pod_specs)),
        images_unchanged=subject.images_unchanged,
        pull_secrets=_pull_secrets(subject.workload),
        final=final,
    )


def _find_old(request: AdmissionRequest, kinds: Kinds) -> Workload | None:
    if request.operation is not Operation.UPDATE:
        return None
    try:
        return find_workload(kinds, request.kind, request.untrusted_old_object)
    except InvalidInput:
        return None


def _equal(old: object, new: object) -> bool:
    try:
        return old == new
    except RecursionError:
        # Nested deeper than the interpreter compares: no object of Kubernetes is, so it is judged like a new one.
        return False


def _names_images(workload: Workload) -> bool:
    containers = (spec.value.get("containers") if isinstance(spec.value, dict) else None for spec in workload.pod_specs)
    return bool(workload.image_places) or any(containers)


def _old_image_set(old: Workload) -> Counter[tuple[str, Reference]] | None:
    try:
        return _image_set(extract_images(old))
    except InvalidInput:
        return None


def _image_set(images: tuple[ImageField, ...]) -> Counter[tuple[str, Reference]]:
    return Counter((image.role, _without_display(image.reference)) for image in images)


def _without_display(reference: Reference) -> Reference:
    return replace(reference, tag="") if reference.digest else reference


def _service_account(workload: Workload) -> str:
    accounts = {_pod_account(pod_spec) for pod_spec in workload.pod_specs}
    if len(accounts) > 1:
        raise _malformed("the object's PodSpecs name several service accounts")
    return accounts.pop() if accounts else ""


def _pod_account(pod_spec: Place) -> str:
    # `serviceAccount` is the deprecated alias that the API server still fills in.
    members = pod_spec.value if isinstance(pod_spec.value, dict) else {}
    for name in ("serviceAccountName", "serviceAccount"):
        account = members.get(name)
        if account is not None and not isinstance(account, str):
            raise _malformed(f"{pod_spec.words}/{name} is not a string")
        if account:
            return account
    return "default"


def _pull_secrets(workload: Workload) -> tuple[str, ...]:
    names = dict.fromkeys(name for pod_spec in workload.pod_specs for name in _secret_names(pod_spec))
    if len(names) > _MOST_PULL_SECRETS:
        raise _malformed(f"the object names more than {_MOST_PULL_SECRETS} imagePullSecrets")
    return tuple(names)


def _secret_names(pod_spec: Place) -> tuple[str, ...]:
    entries = pod_spec.value.get("imagePullSecrets") if isinstance(pod_spec.value, dict) else None
    if entries is None:
        return ()
    if not isinstance(entries, list) or len(entries) > _MOST_PULL_SECRETS:
        raise _malformed(f"{pod_spec.words}/imagePullSecrets is not a list of at most {_MOST_PULL_SECRETS}")
    names = [entry.get("name", "") if isinstance(entry, dict) else None for entry in entries]
    if not all(isinstance(name, str) for name in names):
        raise _malformed(f"{pod_spec.words}/imagePullSecrets has an entry that names no secret")
    return tuple(str(name) for name in names if name)  # the API server lets empty names pass


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
