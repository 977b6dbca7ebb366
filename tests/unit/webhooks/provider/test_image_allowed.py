"""The Rego that Gatekeeper evaluates, in real OPA with what the provider may answer it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.admission import DIGEST, OTHER_DIGEST
from tests.fakes.provider import OTHER, PINNED, TAGGED
from tests.fixtures.engines import OPA

pytestmark = pytest.mark.tools
REGO = Path(__file__).parents[4] / "webhooks" / "assay_webhooks" / "provider" / "image_allowed.rego"
Json = dict[str, Any]
ALLOWED = {"digest": str(DIGEST), "allow": True, "decision_id": "01A", "reason": "allowed"}
GOOD: Json = {"responses": [[PINNED, ALLOWED]], "errors": [], "status_code": 200, "system_error": ""}
KINDS = {
    "/Pod": ["spec"],
    "/PodTemplate": ["template", "spec"],
    "/ReplicationController": ["spec", "template", "spec"],
    "apps/DaemonSet": ["spec", "template", "spec"],
    "apps/Deployment": ["spec", "template", "spec"],
    "apps/ReplicaSet": ["spec", "template", "spec"],
    "apps/StatefulSet": ["spec", "template", "spec"],
    "batch/CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
    "batch/Job": ["spec", "template", "spec"],
}
FAILING = "data.probe.failing"
ECHOING = "data.probe.echoing"
PROBE = f"""\
package probe
failing(_) = answer {{ false; answer := 1 }}
echoing(request) = {{"responses": [[key, object.union({json.dumps(ALLOWED)}, {{"digest": split(key, "@")[1]}})] |
  key := request.keys[_]], "errors": [], "status_code": 0, "system_error": ""}} {{ request.provider == "assay" }}
"""


def object_of(kind: str, spec: object) -> Json:
    document: Any = spec
    for member in reversed(KINDS[kind]):
        document = {member: document}
    return {**document, "metadata": {"name": "web"}}


def containers(*images: str) -> Json:
    return {"containers": [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]}


def review(kind: str = "/Pod", spec: object = None, *, operation: str = "CREATE", old: object = None) -> Json:
    group, _, name = kind.partition("/")
    found: Json = {
        "kind": {"group": group, "version": "v1", "kind": name},
        "operation": operation,
        "object": object_of(kind, containers(PINNED) if spec is None else spec),
    }
    return found | ({"oldObject": object_of(kind, old)} if old is not None else {})


@pytest.fixture(scope="module")
def capabilities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OPA's own, and the function that Gatekeeper adds."""
    known = json.loads(subprocess.run([OPA, "capabilities", "--current"], capture_output=True, check=True).stdout)
    declared = {"type": "function", "args": [{"type": "any"}], "result": {"type": "any"}}
    known["builtins"].append({"name": "external_data", "decl": declared})
    path = tmp_path_factory.mktemp("opa") / "capabilities.json"
    path.write_text(json.dumps(known))
    return path


@pytest.fixture
def judge(capabilities: Path, tmp_path: Path) -> Any:
    """Evaluates reviews with their answers in one go; the messages of each."""

    def evaluate(*cases: tuple[Json, object]) -> list[list[str]]:
        probe = PROBE
        for number, (asked, answer) in enumerate(cases):
            document = json.dumps({"review": asked, "parameters": {"provider": "assay"}})
            probe += f"told_{number}(_) = answer {{ answer := {json.dumps(answer)} }}\n"
            double = answer if answer in (FAILING, ECHOING) else f"data.probe.told_{number}"
            told = f"data.assayimages.violation with input as {document} with external_data as {double}"
            probe += f'found["{number}"] = messages {{ messages := {told} }}\n'
        (tmp_path / "probe.rego").write_text(probe)
        command = [str(OPA), "eval", "--v0-compatible", "--capabilities", str(capabilities), "--format", "json"]
        command += ["--data", str(REGO), "--data", str(tmp_path / "probe.rego"), "data.probe.found"]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        found = json.loads(finished.stdout)["result"][0]["expressions"][0]["value"]
        return [sorted(each["msg"] for each in found[str(number)]) for number in range(len(cases))]

    return evaluate


def test_it_compiles_as_gatekeeper_compiles_it(capabilities: Path) -> None:
    command = [str(OPA), "check", "--v0-compatible", "--strict", "--capabilities", str(capabilities), str(REGO)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "\nimport " not in REGO.read_text()


def test_one_answer_that_allows_the_digest_of_the_image_is_enough(judge: Any) -> None:
    assert judge((review(), GOOD), (review(), {**GOOD, "status_code": 0})) == [[], []]


VALUES = (
    [{key: value for key, value in ALLOWED.items() if key != missing} for missing in ALLOWED]
    + [
        {**ALLOWED, **change}
        for change in (
            {"allow": False},
            {"allow": "true"},
            {"allow": 1},
            {"allow": None},
            {"digest": str(OTHER_DIGEST)},
            {"digest": ""},
            {"digest": str(DIGEST)[-8:]},
            {"digest": None},
            {"decision_id": ""},
            {"decision_id": 7},
            {"reason": None},
        )
    ]
    + [True, "allow", None, [], [ALLOWED]]
)
ANSWERS: list[object] = [
    *({**GOOD, "responses": [[PINNED, value]]} for value in VALUES),
    {**GOOD, "responses": []},
    {**GOOD, "responses": [[OTHER, ALLOWED]]},
    {**GOOD, "responses": [[PINNED, ALLOWED], [PINNED, {**ALLOWED, "allow": False}]]},
    {**GOOD, "responses": [[PINNED, ALLOWED], [PINNED, {**ALLOWED, "decision_id": "01B"}]]},
    {**GOOD, "errors": [[PINNED, "log_unavailable"]]},
    {**GOOD, "system_error": "internal"},
    {**GOOD, "system_error": None},
    {**GOOD, "status_code": 403},
    {**GOOD, "errors": None},
    *({key: value for key, value in GOOD.items() if key != missing} for missing in GOOD),
    {},
    None,
    "allow",
    FAILING,
]


def test_anything_less_is_a_violation(judge: Any) -> None:
    found = judge((review(), GOOD), *((review(), answer) for answer in ANSWERS))
    assert found[0] == []
    passed = [answer for answer, messages in zip(ANSWERS, found[1:], strict=True) if not messages]
    assert passed == []


def test_a_violation_says_why(judge: Any) -> None:
    refused = {**GOOD, "responses": [[PINNED, {**ALLOWED, "allow": False, "reason": "absent"}]]}
    broken = {**GOOD, "responses": [], "errors": [[PINNED, "log_unavailable"]]}
    assert judge((review(), refused), (review(), broken), (review(), {**GOOD, "system_error": "x"})) == [
        [f"{PINNED}: absent (decision 01A)"],
        [f"{PINNED}: log_unavailable"],
        [f"{PINNED}: x"],
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_of_every_kind_is_asked_about(judge: Any, kind: str) -> None:
    places: list[Json] = [
        {"initContainers": [{"name": "i", "image": OTHER, "restartPolicy": "Always"}]},
        {"ephemeralContainers": [{"name": "e", "image": OTHER}]},
        {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "image": {"reference": OTHER}}]},
        {"containers": [{"name": "a", "image": PINNED}, {"name": "b", "image": OTHER}]},
    ]
    found = judge(*((review(kind, {**containers(PINNED), **place}), GOOD) for place in places))
    assert found == [[f"{OTHER}: the provider gave no answer that allows it"]] * len(places)
    assert judge(*((review(kind, {**containers(PINNED), **place}), ECHOING) for place in places)) == [[]] * len(places)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"containers": []},
        {"containers": None},
        {"containers": [{"name": "a"}]},
        {"containers": [{"name": "a", "image": ""}]},
        {"containers": [{"name": "a", "image": 1}]},
        {**containers(PINNED), "initContainers": [{"name": "b"}]},
        {**containers(PINNED), "volumes": [{"name": "v", "image": {}}]},
        {**containers(PINNED), "volumes": [{"name": "v", "image": {"reference": None}}]},
        [],
    ],
)
def test_an_object_that_names_no_image_somewhere_is_refused(judge: Any, spec: object) -> None:
    (messages,) = judge((review(spec=spec), ECHOING))
    assert any("names no image" in message for message in messages)


def test_a_template_that_is_null_or_a_review_without_object_is_refused(judge: Any) -> None:
    empty = {**review("/ReplicationController"), "object": {"spec": {"template": None}}}
    missing = {key: value for key, value in review().items() if key != "object"}
    assert judge((empty, GOOD), (missing, GOOD)) == [["the object names no image"]] * 2


def test_a_kind_that_is_not_known_is_refused(judge: Any) -> None:
    for kind in ({"group": "apps", "version": "v1", "kind": "Pod"}, {"kind": "Job"}, None):
        (messages,) = judge(({**review(), "kind": kind}, GOOD))
        assert "objects of this kind are not known to run images" in messages


def test_an_update_that_changes_no_image_passes_and_one_that_does_is_asked_about(judge: Any) -> None:
    running = containers(TAGGED)
    moved = {"containers": [], "initContainers": running["containers"]}
    same = {**running, "volumes": []}
    unchanged = review(spec=same, operation="UPDATE", old=running)
    changes = [
        review(spec=containers(OTHER), operation="UPDATE", old=running),
        review(spec=moved, operation="UPDATE", old=running),
        review(spec=running, operation="CREATE", old=running),
        review(spec=running, operation="UPDATE"),
        review(spec={}, operation="UPDATE", old={}),
    ]
    assert judge((unchanged, FAILING)) == [[]]
    assert all(judge(*((change, FAILING) for change in changes)))


def test_what_is_deleted_passes(judge: Any) -> None:
    assert judge((review(operation="DELETE"), FAILING)) == [[]]
