"""AdmissionReview v1, in and out."""

import base64
import json

import pytest

from assay.domain.admission import LARGEST_REVIEW
from assay.domain.api_type import GroupVersionKind
from assay.domain.errors import InvalidInput
from assay_webhooks.review import (
    MOST_STRUCTURE,
    DenialReason,
    Operation,
    ReviewResponse,
    parse_review,
    plain_text,
    render_response,
)
from tests.fakes.admission import UID, pod, review


def _octets(**changes: object) -> bytes:
    document = review(pod("nginx"))
    document["request"].update(changes)
    return json.dumps(document).encode()


def _code(octets: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_review(octets)
    return caught.value.code


def test_a_review_is_parsed_and_unknown_fields_pass() -> None:
    request = parse_review(_octets(inventedByALaterRelease={"a": [1]}, dryRun=True))

    assert (request.uid, request.operation, request.namespace) == (UID, Operation.CREATE, "team-a")
    assert (request.name, request.user, request.dry_run) == ("web", "alice", True)
    assert request.kind == GroupVersionKind(group="", version="v1", kind="Pod")
    assert request.untrusted_object == pod("nginx")
    assert request.untrusted_old_object is None


def test_what_a_review_may_leave_out_is_empty() -> None:
    request = parse_review(_octets(name=None, namespace=None, userInfo=None, dryRun=None))

    assert (request.name, request.namespace, request.user, request.dry_run) == ("", "", "", False)


def test_the_namespace_is_the_requests_and_never_the_objects() -> None:
    assert parse_review(_octets(namespace="team-b")).namespace == "team-b"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b"{}",
        b"null",
        b"[]",
        b'{"kind":"AdmissionReview","apiVersion":NaN}',
        b'{"kind":"\\ud800"}',
        b'{"kind":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}',
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":[]}',
        b"[" * 10_000,
    ],
)
def test_a_body_that_is_no_review_is_refused(octets: bytes) -> None:
    assert _code(octets) == "review_malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": ""},
        {"uid": 7},
        {"uid": "u" * 129},
        {"operation": "PATCH"},
        {"operation": None},
        {"kind": None},
        {"kind": {"group": "", "version": "v1"}},
        {"kind": {"group": "", "version": "", "kind": "Pod"}},
        {"kind": {"group": [], "version": "v1", "kind": "Pod"}},
        {"namespace": ["team-a"]},
        {"name": 1},
        {"userInfo": "alice"},
        {"userInfo": {"username": 1}},
        {"userInfo": {"groups": "a"}},
        {"userInfo": {"groups": [1]}},
        {"dryRun": "false"},
    ],
)
def test_a_request_of_the_wrong_shape_is_refused(changes: dict[str, object]) -> None:
    assert _code(_octets(**changes)) == "review_malformed"
    assert parse_review(_octets()).uid == UID


@pytest.mark.parametrize("version", ["admission.k8s.io/v1beta1", "admission.k8s.io/v2", None])
def test_another_version_is_refused(version: object) -> None:
    assert _code(json.dumps({**review(pod("nginx")), "apiVersion": version}).encode()) == "review_unsupported_version"


def test_a_review_above_the_limit_is_refused_and_at_the_limit_it_passes() -> None:
    octets = _octets()
    assert parse_review(octets + b" " * (LARGEST_REVIEW - len(octets))).uid == UID
    assert _code(octets + b" " * (LARGEST_REVIEW - len(octets) + 1)) == "review_too_large"


def test_a_review_of_too_much_structure_is_refused_before_it_is_parsed() -> None:
    padded = _octets(padding=[])
    room = MOST_STRUCTURE - sum(padded.count(mark) for mark in (b",", b"[", b"{"))

    assert parse_review(padded.replace(b"[]", b"[" + b"0," * room + b"0]")).uid == UID
    assert _code(padded.replace(b"[]", b"[" + b"0," * (room + 1) + b"0]")) == "review_too_large"
    assert _code(b"[" * (MOST_STRUCTURE + 1)) == "review_too_large"


@pytest.mark.parametrize(("depth", "passes"), [(1000, True), (1100, False)])
def test_nesting_ends_where_the_parser_says_and_not_with_a_crash(depth: int, *, passes: bool) -> None:
    octets = _octets(padding=1).replace(b'"padding": 1', b'"padding": ' + b"[" * depth + b"]" * depth)

    if passes:
        assert parse_review(octets).uid == UID
    else:
        assert _code(octets) == "review_malformed"


def test_of_a_key_that_stands_twice_the_last_one_counts() -> None:
    twice = _octets().replace(b'"nginx"', b'"nginx", "image": "evil"')
    assert parse_review(twice).untrusted_object == pod("evil")


def test_no_message_quotes_the_review() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_review(b'{"EVIL":1,"EVIL"}')
    assert "EVIL" not in str(caught.value)


def test_an_allow_without_changes_has_nothing_but_uid_and_allowed() -> None:
    assert json.loads(render_response(ReviewResponse(uid=UID, allowed=True))) == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": UID, "allowed": True},
    }


def test_a_patch_travels_as_base64_with_its_type() -> None:
    rendered = json.loads(render_response(ReviewResponse(uid=UID, allowed=True, patch=b"[1]")))["response"]

    assert rendered["patchType"] == "JSONPatch"
    assert base64.b64decode(rendered["patch"]) == b"[1]"


def test_a_denial_has_status_403_and_a_message_on_one_line() -> None:
    response = ReviewResponse(uid=UID, allowed=False, reason=DenialReason.POLICY, code="c", message="a\r\nb\x00é" * 400)
    status = json.loads(render_response(response))["response"]["status"]

    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"].startswith("a??b??a")
    assert len(status["message"]) == 700


def test_warnings_are_cut_and_audit_annotations_pass() -> None:
    response = ReviewResponse(
        uid=UID, allowed=True, warnings=("x" * 500, "two\nlines"), audit_annotations=(("a", "b"),)
    )
    rendered = json.loads(render_response(response))["response"]

    assert [len(warning) for warning in rendered["warnings"]] == [120, 9]
    assert rendered["warnings"][1] == "two?lines"
    assert rendered["auditAnnotations"] == {"a": "b"}


@pytest.mark.parametrize(
    "fields",
    [
        {"allowed": True, "reason": DenialReason.POLICY},
        {"allowed": True, "code": "c"},
        {"allowed": False},
        {"allowed": False, "reason": DenialReason.POLICY},
        {"allowed": False, "code": "c"},
        {"allowed": False, "reason": DenialReason.POLICY, "code": "c", "patch": b"[1]"},
        {"allowed": True, "audit_annotations": (("a/b", "c"),)},
    ],
)
def test_a_response_that_contradicts_itself_cannot_be_built(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"a denial|an allow|the API server"):
        ReviewResponse(uid=UID, **fields)  # type: ignore[arg-type]  # the point of the test


def test_plain_text_keeps_printable_ascii() -> None:
    assert plain_text("sha256:ab ~", longest=20) == "sha256:ab ~"
    assert plain_text("abcdef", longest=5) == "ab..."
    assert plain_text("ab\u2028c\u202e", longest=5) == "ab?c?"
