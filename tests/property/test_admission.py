"""Properties of the admission hooks that hold for every object."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.coverage import Coverage
from assay.domain.errors import InvalidInput
from assay.domain.field_path import FieldPath, Place, Wildcard
from assay.domain.reference import Reference
from assay_webhooks.question import Subject, examine, pose_question
from assay_webhooks.review import Operation, parse_review
from assay_webhooks.workloads import ImageField, Workload, compile_kinds, extract_images
from tests.fakes.admission import DIGEST, UID, ScriptedEngine, Webhook, apply_patch, patch_of, places, pod, review

GOOD = ("good:1", f"good@{DIGEST}", "registry.example:5000/good", "good", "docker.io/library/good:1")
BAD = ("bad:1", "registry.example/bad", f"bad@{DIGEST}")
CODES = {
    "review_malformed",
    "review_unsupported_version",
    "object_malformed",
    "image_missing",
    "unknown_image_field",
    "no_images_found",
    "kind_unsupported",
    "operation_unsupported",
    "reference_malformed",
}

texts = st.text(max_size=8) | st.sampled_from(["image", "reference", "containers", "volumes", "spec", "Pod", "v1"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=4),
    max_leaves=12,
)
images = st.sampled_from(GOOD + BAD)
field_names = st.sampled_from(["a", "b/c", "d~e", "sandbox", "containers", "volumes", "image", "securityContext", ""])


@st.composite
def pod_specs(draw: st.DrawFn, image: st.SearchStrategy[str] = images) -> dict[str, Any]:
    """PodSpecs with images at all four places, in any order of their members."""
    members: dict[str, Any] = {
        "containers": [{"image": item} for item in draw(st.lists(image, min_size=1, max_size=3))]
    }
    for name in ("initContainers", "ephemeralContainers"):
        if draw(st.booleans()):
            members[name] = [{"image": item} for item in draw(st.lists(image, max_size=2))]
    if draw(st.booleans()):
        members["volumes"] = [{"image": {"reference": item}} for item in draw(st.lists(image, max_size=2))]
    return dict(draw(st.permutations(list(members.items()))))


def _strings_named_as_images(value: Any) -> list[str]:
    """The oracle: every string behind `image` or `reference`, wherever it stands."""
    if isinstance(value, list):
        return [text for item in value for text in _strings_named_as_images(item)]
    if not isinstance(value, dict):
        return []
    named = [value[name] for name in ("image", "reference") if isinstance(value.get(name), str)]
    return named + [text for item in value.values() for text in _strings_named_as_images(item)]


def _images(spec: object) -> tuple[ImageField, ...]:
    place = Place(pointer="/spec", words="/spec", value=spec)
    return extract_images(Workload(pod_specs=(place,), image_places=(), images_required=True))


def _engine() -> ScriptedEngine:
    return ScriptedEngine({str(Reference.parse(written)): DIGEST for written in GOOD})


def _post(hook: str, document: Any) -> dict[str, Any] | None:
    """The response, or None when the document is no review."""
    answer = Webhook(_engine()).post(hook, json.dumps(document).encode())
    assert answer.status_code in {200, 400}
    return answer.get_json()["response"] if answer.status_code == 200 else None


def _refusal(call: Callable[[], object]) -> str | None:
    """The code of the typed error, None without one; anything else fails the test."""
    try:
        call()
    except InvalidInput as error:
        return error.code
    return None


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_request_or_a_typed_error(octets: bytes) -> None:
    assert _refusal(lambda: parse_review(octets)) in CODES | {None}


def _pose(body: dict[str, Any]) -> None:
    request = parse_review(json.dumps(body).encode())
    subject = examine(request, compile_kinds(), Coverage())
    if isinstance(subject, Subject):
        assert pose_question(request, subject).references


@given(json_values, json_values, st.sampled_from(list(Operation)))
def test_any_object_is_a_question_or_a_typed_error(new: Any, old: Any, operation: Operation) -> None:
    for document in (new, {**pod("good:1"), "spec": new}, {**pod("good:1"), "metadata": new}):
        body = review(pod("x"), operation=operation.value, oldObject=old)
        body["request"]["object"] = document
        assert _refusal(partial(_pose, body)) in CODES | {None}


@given(
    pod_specs(),
    st.lists(field_names, max_size=4),
    st.sampled_from(["image", "reference"]),
    st.sampled_from(["placed:1", ["placed:1"]]),
)
def test_an_image_placed_anywhere_in_a_pod_spec_is_extracted_or_refused(
    spec: dict[str, Any], path: list[str], name: str, placed: object
) -> None:
    target: Any = spec
    for step in path:
        below = target.get(step)
        target[step] = below if isinstance(below, dict) else ({} if below is None else {"kept": below})
        target = target[step]
    target[name] = placed
    found: list[str] = []
    refusal = _refusal(lambda: found.extend(image.written for image in _images(spec)))
    assert refusal in CODES or "placed:1" in found


steps = st.lists(st.sampled_from(["a", "b", Wildcard.ITEMS, Wildcard.VALUES]), max_size=5)


def _placed(path: FieldPath, draws: st.DataObject, image: str) -> Any:
    """An object that holds the image where the path leads, and other things beside every step of it."""
    value: Any = image
    for step in reversed(path.steps):
        if step is Wildcard.ITEMS:
            value = [value]
        elif step is Wildcard.VALUES:
            value = {draws.draw(st.text(min_size=1, max_size=5)): value}
        else:
            others = draws.draw(st.dictionaries(texts, json_values, max_size=2))
            value = {**{name: other for name, other in others.items() if name != step}, step: value}
    return value


@given(steps, st.data())
def test_whatever_stands_where_a_path_leads_is_found(tail: list[str | Wildcard], draws: st.DataObject) -> None:
    path = FieldPath(steps=("spec", *tail, "image"))
    found = list(path.select(_placed(path, draws, "placed:1")))

    assert "placed:1" in [place.value for place in found]
    assert FieldPath.parse(str(path)) == path


@given(st.text(max_size=30) | st.text(alphabet="ab.[]*", max_size=12))
def test_any_text_is_a_path_or_a_typed_error(text: str) -> None:
    refusal = _refusal(lambda: FieldPath.parse(text))
    assert refusal == "field_path_malformed" or str(FieldPath.parse(text)) == text


@given(steps, json_values)
def test_any_object_gives_places_that_its_pointers_lead_to_or_a_typed_error(
    tail: list[str | Wildcard], document: Any
) -> None:
    path = FieldPath(steps=("a", *tail))
    found: list[Place] = []
    assert _refusal(lambda: found.extend(path.select({"a": document}))) in {None, "object_malformed"}
    for place in found:
        tests: Any = [{"op": "test", "path": place.pointer, "value": place.value}]
        assert apply_patch({"a": document}, tests) == {"a": document}


@given(pod_specs(), st.dictionaries(field_names, json_values, max_size=3), st.data())
def test_fields_nobody_knows_never_hide_an_image(
    spec: dict[str, Any], unknown: dict[str, Any], draws: st.DataObject
) -> None:
    known = _strings_named_as_images(spec)
    containers: list[dict[str, Any]] = spec["containers"]
    draws.draw(st.sampled_from(containers)).update({k: v for k, v in unknown.items() if k != "image"})
    found: list[str] = []
    refusal = _refusal(lambda: found.extend(image.written for image in _images({**unknown, **spec})))

    assert refusal in CODES or sorted(found) == sorted(known)


@given(pod_specs())
def test_extraction_finds_what_the_oracle_finds(spec: dict[str, Any]) -> None:
    found = places(_images(spec))
    assert sorted(written for _, written in found) == sorted(_strings_named_as_images(spec))


@given(pod_specs(st.sampled_from(GOOD)))
def test_the_patch_pins_every_image_and_changes_nothing_else(spec: dict[str, Any]) -> None:
    document = {**pod(), "spec": spec}
    response = _post("mutate", review(document))
    assert response is not None
    patched: Any = apply_patch(document, patch_of(response))

    written = _strings_named_as_images(spec)
    pinned = _strings_named_as_images(patched["spec"])
    assert [Reference.parse(item) for item in pinned] == [Reference.parse(item).pinned(DIGEST) for item in written]
    assert json.dumps(patched).replace(f"@{DIGEST}", "").replace(":latest", "") == json.dumps(document).replace(
        f"@{DIGEST}", ""
    ).replace(":latest", "")
    assert {**patched, "spec": None} == {**document, "spec": None}


@given(pod_specs(st.sampled_from(GOOD)))
def test_patching_twice_is_patching_once(spec: dict[str, Any]) -> None:
    webhook = Webhook(ScriptedEngine({"*": DIGEST}))
    document = {**pod(), "spec": spec}
    patched = apply_patch(document, patch_of(webhook.ask("mutate", review(document))))

    assert patch_of(webhook.ask("mutate", review(patched))) == []
    assert webhook.ask("validate", review(patched))["allowed"]


@given(pod_specs())
def test_allowed_means_that_every_image_is_good(spec: dict[str, Any]) -> None:
    response = _post("mutate", review({**pod(), "spec": spec}))
    assert response is not None
    assert response["allowed"] == all(item in GOOD for item in _strings_named_as_images(spec))


def _without(value: Any, path: list[int]) -> Any:
    """A copy without one member: the path chooses among the children at every level, the last step removes."""
    copy = json.loads(json.dumps(value))
    target = copy
    for depth, choice in enumerate(path):
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        if not keys:
            break
        key = keys[choice % len(keys)]
        if depth == len(path) - 1 or not isinstance(target[key], dict | list):
            del target[key]
            break
        target = target[key]
    return copy


@settings(max_examples=300)
@given(
    pod_specs(),
    pod_specs(),
    st.sampled_from(["CREATE", "UPDATE"]),
    st.lists(st.integers(0, 9), min_size=1, max_size=8),
    st.sampled_from(["mutate", "validate"]),
)
def test_removing_a_field_never_lets_a_bad_image_pass(
    new: dict[str, Any], old: dict[str, Any], operation: str, path: list[int], hook: str
) -> None:
    body = _without(review({**pod(), "spec": new}, old={**pod(), "spec": old}, operation=operation), path)
    response = _post(hook, body)
    if response is None or not response["allowed"]:
        return
    request = body["request"]
    left = _references(request["object"])
    if request["operation"] == "UPDATE" and left == _references(request.get("oldObject")):
        return  # these images run already
    assert "exemption" not in response["auditAnnotations"]
    assert left
    assert all(item in GOOD for item in _strings_named_as_images(request["object"]["spec"]))


def _references(document: Any) -> list[str]:
    spec = document.get("spec") if isinstance(document, dict) else None
    return sorted(str(Reference.parse(item)) for item in _strings_named_as_images(spec))


def _is_left_unjudged(new: dict[str, Any], old: dict[str, Any]) -> bool:
    body = review({**pod(), "spec": new}, old={**pod(), "spec": old}, operation="UPDATE")
    found = examine(parse_review(json.dumps(body).encode()), compile_kinds(), Coverage())
    return not isinstance(found, Subject) or found.images_unchanged


@given(pod_specs(), pod_specs())
def test_an_update_is_left_unjudged_only_with_the_same_images(new: dict[str, Any], old: dict[str, Any]) -> None:
    same = _references({"spec": new}) == _references({"spec": old})
    assert same or not _is_left_unjudged(new, old)


@given(pod_specs())
def test_the_order_of_containers_is_no_change_of_images(new: dict[str, Any]) -> None:
    assert _is_left_unjudged(new, {name: items[::-1] for name, items in new.items()})
    assert not _is_left_unjudged(new, {**new, "containers": [*new["containers"], {"image": "one:more"}]})


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_nothing_an_object_says_reaches_the_answer(text: str) -> None:
    marked = f"MARKER{text}"
    document = pod("good:1", marked, **{marked: {"image": marked}})
    document["metadata"] = {"name": marked, "labels": {marked: marked}, "annotations": {marked: marked}}
    response = _post("mutate", review(document, name=marked, userInfo={"username": marked}))

    assert response is not None
    assert response["uid"] == UID
    assert "MARKER" not in json.dumps(response)


@given(st.sampled_from([RuntimeError, KeyError, TypeError, ValueError, OSError, AssertionError, RecursionError]))
def test_an_unexpected_error_denies(kind: type[Exception]) -> None:
    engine = ScriptedEngine({"*": DIGEST}, error=kind("MARKER"))
    response = Webhook(engine).ask("mutate", review(pod("good:1")))

    assert not response["allowed"]
    assert response["auditAnnotations"] == {"reason": "internal", "code": "internal"}
    assert "MARKER" not in json.dumps(response)
