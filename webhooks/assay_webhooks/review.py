"""AdmissionReview v1 (`admission.k8s.io/v1`): bytes to a request, a response to bytes."""

import base64
from dataclasses import dataclass, field
from enum import StrEnum

import orjson

from assay.domain.admission import LARGEST_REVIEW
from assay.domain.api_type import GroupVersionKind
from assay.domain.errors import InvalidInput

MOST_STRUCTURE = 1_000_000
"""Commas and opening brackets of a review, those in strings too: each may become an object in memory."""

LONGEST_WARNING = 120
LONGEST_MESSAGE = 700
_LONGEST_UID = 128
_API_VERSION = "admission.k8s.io/v1"
_KIND = "AdmissionReview"


class Operation(StrEnum):
    """Operations the API server sends (closed set of `admission.k8s.io/v1`)."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


class DenialReason(StrEnum):
    """Why a request is denied, in four words; the detail code says the rest."""

    UNSIGNED = "unsigned"
    POLICY = "policy"
    RETRYABLE = "retryable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRequest:
    """The request of a review; everything in it, the objects above all, is untrusted.

    `namespace` is the request's own, never the object's. `name` may be empty (`generateName`). `untrusted_object` is
    None on DELETE, `untrusted_old_object` on CREATE; neither was looked into.
    """

    uid: str
    operation: Operation
    kind: GroupVersionKind
    namespace: str
    name: str
    user: str
    groups: tuple[str, ...]
    dry_run: bool
    untrusted_object: object = field(repr=False)
    untrusted_old_object: object = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewResponse:
    """What the API server is told.

    `code` and `message` explain a denial; `patch` is an RFC 6902 document and empty when nothing changes. A denial
    without reason and code, an allow with either, and a denial with a patch cannot be built (`ValueError`).
    """

    uid: str
    allowed: bool
    reason: DenialReason | None = None
    code: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()
    audit_annotations: tuple[tuple[str, str], ...] = ()
    patch: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.allowed and (self.reason or self.code):
            raise ValueError("an allow has neither reason nor code")
        if not self.allowed and not (self.reason and self.code):
            raise ValueError("a denial has a reason and a code")
        if self.patch and not self.allowed:
            raise ValueError("a denial changes nothing")
        if any("/" in key for key, _ in self.audit_annotations):
            raise ValueError("the API server drops audit annotations whose key has a slash")


def parse_review(octets: bytes) -> AdmissionRequest:
    """Parse the AdmissionReview an API server sends.

    Guaranteed: JSON of at most `LARGEST_REVIEW` bytes, `MOST_STRUCTURE` and 1,024 levels of nesting, version v1, a
    request with uid, operation and kind. Unknown fields pass, so that a new Kubernetes release does not lock the
    cluster, and of a key that stands twice the last one counts: for bytes that an API server wrote, which reads and
    writes its objects itself. The objects are not looked into.
    Raises `InvalidInput`: `review_too_large`, `review_malformed`, `review_unsupported_version`; no message quotes the
    review.
    """
    review = _parse_document(octets)
    if not isinstance(review, dict) or review.get("kind") != _KIND:
        raise _malformed(f"the body is not an {_KIND}")
    if review.get("apiVersion") != _API_VERSION:
        raise InvalidInput(
            "review_unsupported_version",
            f"the review is not of version {_API_VERSION}",
            remedy="register the webhook with admissionReviewVersions: [v1]",
        )
    request = review.get("request")
    if not isinstance(request, dict):
        raise _malformed("the review has no request")
    user = _parse_user(request.get("userInfo"))
    return AdmissionRequest(
        uid=_parse_uid(request),
        operation=_parse_operation(request),
        kind=_parse_kind(request.get("kind")),
        namespace=_optional_text(request, "namespace"),
        name=_optional_text(request, "name"),
        user=_optional_text(user, "username"),
        groups=_parse_groups(user),
        dry_run=_parse_dry_run(request),
        untrusted_object=request.get("object"),
        untrusted_old_object=request.get("oldObject"),
    )


def render_response(response: ReviewResponse) -> bytes:
    """Render the AdmissionReview that answers a request.

    Denials carry status 403 (`Forbidden`) with the message; texts are printable ASCII and cut to their limits;
    `patchType` and `patch` are absent when nothing changes (Kubernetes, "Webhook request and response").
    """
    answer: dict[str, object] = {"uid": response.uid, "allowed": response.allowed}
    if not response.allowed:
        message = plain_text(response.message, longest=LONGEST_MESSAGE)
        answer["status"] = {"code": 403, "reason": "Forbidden", "message": message}
    if response.warnings:
        answer["warnings"] = [plain_text(warning, longest=LONGEST_WARNING) for warning in response.warnings]
    if response.audit_annotations:
        answer["auditAnnotations"] = dict(response.audit_annotations)
    if response.patch:
        answer["patchType"] = "JSONPatch"
        answer["patch"] = base64.b64encode(response.patch).decode("ascii")
    return orjson.dumps({"apiVersion": _API_VERSION, "kind": _KIND, "response": answer})


def plain_text(text: str, *, longest: int) -> str:
    """The text as one line of printable ASCII, cut to `longest` characters; other characters become `?`."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 3]}..."


def _parse_document(octets: bytes) -> object:
    # Counted before they are parsed: a list of 8 MiB of empty lists would take two hundred.
    structure = octets.count(b",") + octets.count(b"[") + octets.count(b"{")
    if len(octets) > LARGEST_REVIEW or structure > MOST_STRUCTURE:
        raise InvalidInput(
            "review_too_large",
            f"the review exceeds {LARGEST_REVIEW} bytes or the limit on its structure",
            remedy="make the object smaller",
        )
    try:
        return orjson.loads(octets)
    except orjson.JSONDecodeError as error:
        raise _malformed("the body is not JSON") from error


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("review_malformed", why, remedy="send the AdmissionReview of a Kubernetes API server")


def _parse_uid(request: dict[str, object]) -> str:
    uid = request.get("uid")
    if not isinstance(uid, str) or not 0 < len(uid) <= _LONGEST_UID:
        raise _malformed(f"the request has no uid of at most {_LONGEST_UID} characters")
    return uid


def _parse_operation(request: dict[str, object]) -> Operation:
    operation = request.get("operation")
    try:
        return Operation(str(operation))
    except ValueError:
        raise _malformed("the request has no known operation") from None


def _parse_kind(kind: object) -> GroupVersionKind:
    if not isinstance(kind, dict):
        raise _malformed("the request has no kind")
    parsed = GroupVersionKind(
        group=_optional_text(kind, "group"), version=_optional_text(kind, "version"), kind=_optional_text(kind, "kind")
    )
    if not parsed.version or not parsed.kind:
        raise _malformed("the request's kind is incomplete")
    return parsed


def _parse_user(user: object) -> dict[str, object]:
    if user is None:
        return {}
    if not isinstance(user, dict):
        raise _malformed("the request's userInfo is not an object")
    return user


def _parse_groups(user: dict[str, object]) -> tuple[str, ...]:
    groups = user.get("groups")
    if groups is None:
        return ()
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise _malformed("the groups of the request's user are not a list of strings")
    return tuple(sorted(set(groups)))


def _parse_dry_run(request: dict[str, object]) -> bool:
    dry_run = request.get("dryRun")
    if dry_run is None:
        return False
    if not isinstance(dry_run, bool):
        raise _malformed("the request's dryRun is not a boolean")
    return dry_run


def _optional_text(members: dict[str, object], key: str) -> str:
    text = members.get(key)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise _malformed(f"the request's {key} is not a string")
    return text
