"""What connaisseur expects of its reviews, and what becomes of them here.

Each row of the table is compared; where we decide otherwise, `READ_OTHERWISE` or `DECIDED_OTHERWISE` gives the rule.
Texts are not compared: our messages, warnings and patch operations are our own, and no owner vouches for an object.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.reference import Reference
from assay_webhooks.review import AdmissionRequest, parse_review
from tests.fakes.admission import DIGEST, ScriptedEngine, Webhook, find_images, patch_of, places
from tests.fixtures.admission_document import CONNAISSEUR, connaisseur, documents_in, table_of

Json = Mapping[str, Any]
TABLE = table_of(CONNAISSEUR)
ROWS, CASES = TABLE["requests"], TABLE["cases"]
V1BETA1 = {
    name for name in documents_in(CONNAISSEUR) if b"admission.k8s.io/v1beta1" in (CONNAISSEUR / name).read_bytes()
}

UNREADABLE = {
    "11_role.json": "kind_unsupported",
    "12_err_pod.json": "object_malformed",
    "21_broken_admission_request.json": "review_malformed",
    "25_null_request.json": "review_malformed",
    "26_broken_update_admission_request.json": "review_malformed",
}
"""Rows without images, and why there is nothing to find."""

READ_OTHERWISE = {
    "04_cronjob.json": ("the kinds are those of v1: Kubernetes 1.25 left batch/v1beta1", "kind_unsupported")
}
"""Rows with images that are refused, by which rule and with which code."""

NO_MODE = "no mode of a webhook lets through what was denied, or looks at Pods alone"
ALICE = "securesystemsengineering/alice-image:test"
PINNED_ALICE = f"allowed with {ALICE}@{TABLE['policy']['verify'][ALICE]}"
DECIDED_OTHERWISE = {
    "decision 01_deployment": ("an image is pinned as the user wrote it", PINNED_ALICE),
    "decision 22_allow_me_with_index_docker_io": (
        "an allow always ends in a digest",
        f"allowed with test-image:latest@{DIGEST}",
    ),
    "decision 29_deleted_deployment_update_for_delete": (
        "an update that keeps its images is not judged anew, whatever it says of a deletion",
        "allowed",
    ),
    "http 17_deny_me_pod detection": (NO_MODE, "denied"),
    "http 14_deny_me_job pods-only": (NO_MODE, "denied"),
    "http 01_deployment pods-only": (NO_MODE, PINNED_ALICE),
    "http 14_deny_me_job pods-only+detection": (NO_MODE, "denied"),
    "http 17_deny_me_pod pods-only+detection": (NO_MODE, "denied"),
    "http body None": ("a body of no JSON type is 415 (RFC 9110, 15.5.16)", "HTTP 415"),
}
"""Cases by name: the rule, and what becomes of them here."""


def name_of(case: Json) -> str:
    what = str(case["request"]).removesuffix(".json") if "request" in case else ""
    what = what or (f"body {case['raw_body']}" if "raw_body" in case else case["method"])
    return " ".join([case["level"], what, *(str(case[key]) for key in ("mode", "as_kind") if key in case)])


def engine_for(case: Json) -> ScriptedEngine:
    """The policy of the table: what is verified has its digest, what is allowed unseen gets ours."""
    verified = {name: Digest(found) for name, found in TABLE["policy"]["verify"].items() if isinstance(found, str)}
    named = [image for row in ROWS.values() for image in (row.get("images") or {}).get("containers", [])]
    allowed = [name for name, verdict in TABLE["policy"]["patterns"] if verdict == "allow"]
    unseen = {image: DIGEST for image in named if image.partition("@")[0] in allowed}
    late = case.get("mode") == "deadline already exceeded"
    return ScriptedEngine(
        {str(Reference.parse(name)): digest for name, digest in {**unseen, **verified}.items()},
        error=Unavailable("deadline_exceeded", "late", remedy="repeat") if late else None,
    )


def body_of(case: Json) -> bytes | None:
    if "request" not in case:
        return case["raw_body"].encode() if case.get("raw_body") is not None else None
    octets = connaisseur(case["request"])
    if "as_kind" not in case:
        return octets
    document = json.loads(octets)
    document["request"]["kind"] = {"group": "", "version": "v1", "kind": case["as_kind"]}
    return json.dumps(document).encode()


def told(case: Json) -> str:
    """What the table says: refused in whatever way, an HTTP status, or a verdict with the image of its patch."""
    if "error" in case:
        return "refused"
    if case.get("http_status", 200) != 200:
        return f"HTTP {case['http_status']}"
    pins = "".join(f" with {operation['value']}" for operation in case.get("patch") or ())
    return f"allowed{pins}" if case["allowed"] else "denied"


def answered(case: Json) -> str:
    """The same of our answer; the patch counts where the table has one."""
    client = Webhook(engine_for(case)).client()
    content_type = case.get("content_type", "application/json")
    method = case.get("method", "POST")
    answer = client.open("/mutate?timeout=10s", method=method, data=body_of(case), content_type=content_type)
    response = answer.get_json()["response"] if answer.status_code == 200 else {}
    if "error" in case:
        return "let through" if response.get("allowed") else "refused"
    if answer.status_code != 200:
        return f"HTTP {answer.status_code}"
    pins = [operation for operation in patch_of(response) if operation["op"] == "replace" and "patch" in case]
    written = "".join(f" with {operation['value']}" for operation in pins)
    return f"allowed{written}" if response["allowed"] else "denied"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_becomes_of_a_review_is_what_the_table_says_or_what_a_rule_of_ours_says(case: Json) -> None:
    _, ours = DECIDED_OTHERWISE.get(name_of(case), ("", told(case)))
    assert answered(case) == ours


def expected_places(row: Json, member: str) -> list[tuple[str, str]]:
    """Every image of a row with the place where it stands."""
    template = {"Pod": "/spec", "CronJob": "/spec/jobTemplate/spec/template/spec"}.get(
        row["kind"], "/spec/template/spec"
    )
    return sorted(
        (f"{template}/{role}/{place}/image", image)
        for role, images in row.get(member, {}).items()
        for place, image in enumerate(images)
    )


def found_places(request: AdmissionRequest, whole: object) -> list[tuple[str, str]]:
    return sorted(places(find_images(replace(request, untrusted_object=whole))))


@pytest.mark.parametrize("name", sorted(ROWS.keys() - UNREADABLE.keys() - READ_OTHERWISE.keys()))
def test_the_images_of_a_review_are_those_of_the_table(name: str) -> None:
    request, row = parse_review(connaisseur(name)), ROWS[name]
    assert (request.kind.kind, request.operation, request.namespace, request.uid) == tuple(
        row[member] for member in ("kind", "operation", "namespace", "uid")
    )
    assert found_places(request, request.untrusted_object) == expected_places(row, "images") != []
    if "oldImages" in row:
        assert found_places(request, request.untrusted_old_object) == expected_places(row, "oldImages") != []


@pytest.mark.parametrize("name", sorted(UNREADABLE.keys() | READ_OTHERWISE.keys()))
def test_a_review_in_which_no_image_can_be_found_is_refused(name: str) -> None:
    rule, code = READ_OTHERWISE.get(name, ("", UNREADABLE.get(name)))
    assert bool(rule) == bool(ROWS[name].get("images"))
    with pytest.raises(InvalidInput) as caught:
        find_images(parse_review(connaisseur(name)))
    assert caught.value.code == code


@pytest.mark.parametrize("name", sorted(V1BETA1))
def test_a_review_of_version_v1beta1_is_http_400(name: str) -> None:
    """Kubernetes 1.22 left that version; the other tests bring these reviews to v1."""
    answer = Webhook().post("mutate", (CONNAISSEUR / name).read_bytes())
    assert (answer.status_code, answer.text.split(":")[0]) == (400, "review_unsupported_version")
    assert Webhook().post("mutate", connaisseur(name)).status_code == 200


def test_every_document_has_an_expectation() -> None:
    assert ROWS.keys() == documents_in(CONNAISSEUR)
    assert {case["request"] for case in CASES if "request" in case} <= ROWS.keys()
    assert len(V1BETA1) == 10


def test_every_difference_is_about_a_case_and_is_one() -> None:
    expected = {name_of(case): told(case) for case in CASES}
    assert len(expected) == len(CASES)
    assert [name for name, (_, ours) in DECIDED_OTHERWISE.items() if expected[name] == ours] == []
