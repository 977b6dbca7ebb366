"""Rules from METADATA."""

import copy
from datetime import UTC, datetime

import pytest

from assay.adapters.opa.metadata import rules_of
from assay.domain.decision import Severity, Stage
from assay.domain.errors import ConfigError
from tests.fakes.policy import changed

CUSTOM: dict[str, object] = {
    "code": "sbom.found",
    "severity": "high",
    "requires": ["sbom"],
    "counts": "sboms",
    "solution": "attach one",
    "owner": "security",
}


def annotated(*, package: str = "sbom", area: str = "rule", name: str = "deny", **custom: object) -> dict[str, object]:
    steps = ["data", "assay", area, package, name]
    return {
        "annotations": {"title": "T", "description": "D", "custom": {**CUSTOM, **custom}},
        "location": {"file": f"bundle/{area}/{package}.rego", "row": 7},
        "path": [{"type": "string", "value": step} for step in steps],
    }


def with_custom(custom: dict[str, object]) -> object:
    return changed(annotated(), ("annotations", "custom"), lambda _: {**CUSTOM, **custom})


def inspected(*entries: object, namespaces: object = None) -> dict[str, object]:
    known = {"data.assay.main": ["main.rego"], "data.assay.rule.sbom": ["rule/sbom.rego"], "data.rule_data": []}
    return {"namespaces": known if namespaces is None else namespaces, "annotations": list(entries)}


def refusal(document: object) -> str:
    with pytest.raises(ConfigError) as caught:
        rules_of(document)  # type: ignore[arg-type]
    assert caught.value.code == "policy_invalid"
    return caught.value.message


def test_a_rule_is_read_with_its_place() -> None:
    (rule,) = rules_of(inspected(annotated()))
    assert (rule.code, rule.stage, rule.severity) == ("sbom.found", Stage.EVIDENCE, Severity.HIGH)
    assert (rule.requires, rule.counts, rule.location) == (("sbom",), "sboms", "rule/sbom.rego:7")
    assert (rule.may_be_empty, rule.waivable, rule.effective_on) == (False, True, None)


def test_optional_members_are_read() -> None:
    entry = annotated(may_be_empty=True, waivable=False, effective_on="2027-01-01T00:00:00Z")
    (rule,) = rules_of(inspected(entry))
    assert (rule.may_be_empty, rule.waivable) == (True, False)
    assert rule.effective_on == datetime(2027, 1, 1, tzinfo=UTC)


def test_rules_of_the_request_stage_are_told_apart() -> None:
    entry = annotated(package="digest", area="request", code="digest.required", counts="images", requires=["evidence"])
    assert [rule.stage for rule in rules_of(inspected(entry))] == [Stage.REQUEST]


def test_only_deny_is_a_rule() -> None:
    assert rules_of(inspected(annotated(name="holds"))) == ()
    assert rules_of({**inspected(), "annotations": None}) == ()


@pytest.mark.parametrize("name", sorted(CUSTOM))
def test_a_missing_member_is_refused(name: str) -> None:
    entry = changed(annotated(), ("annotations", "custom", name), None)
    assert name in refusal(inspected(entry))


@pytest.mark.parametrize(
    "custom",
    [
        {"surprise": 1},
        {"code": "other.found"},
        {"code": ""},
        {"severity": "terrible"},
        {"requires": ["everything"]},
        {"requires": "sbom"},
        {"requires": ["evidence"]},
        {"counts": "images"},
        {"may_be_empty": "yes"},
        {"effective_on": "soon"},
        {"effective_on": "2027-01-01T00:00:00"},
        {"effective_on": "2027-01-01T00:00:00.5Z"},
    ],
)
def test_a_member_without_meaning_is_refused_with_its_place(custom: dict[str, object]) -> None:
    assert refusal(inspected(with_custom(custom))).startswith("rule/sbom.rego:7")


@pytest.mark.parametrize("path", [("annotations", "title"), ("annotations", "custom"), ("annotations",)])
def test_missing_metadata_is_refused(path: tuple[str, ...]) -> None:
    assert "METADATA" in refusal(inspected(changed(annotated(), path, None)))


def test_a_rule_without_place_is_refused_all_the_same() -> None:
    entry = annotated(code="other.found")
    assert "other.found" in refusal(inspected({**entry, "location": None}))


def test_a_code_is_used_once() -> None:
    entry = annotated()
    assert "twice" in refusal(inspected(entry, copy.deepcopy(entry)))


@pytest.mark.parametrize(
    "package", ["data.system.log", "data.assay", "data.assay.rule.a.b", "data.evil", "data.assay.mine.x"]
)
def test_policy_fills_only_its_own_packages(package: str) -> None:
    assert package in refusal(inspected(namespaces={package: ["x.rego"]}))


def test_a_folder_without_packages_is_refused() -> None:
    assert refusal(inspected(namespaces=[]))
