"""SLSA provenance v1."""

import json
from pathlib import Path

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.provenance import Material
from assay.formats.provenance import parse_provenance
from tests.fakes.policy import BUILDER, changed, provenance_predicate

ASSETS = Path(__file__).parents[2] / "assets" / "provenance"
COMMIT = "c0" * 20


def asset(name: str) -> dict[str, object]:
    predicate: dict[str, object] = json.loads((ASSETS / name).read_text(encoding="utf-8"))["predicate"]
    return predicate


def refusal(predicate: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_provenance(predicate, most_materials=3)  # type: ignore[arg-type]  # tests other types on purpose
    return caught.value.code


def source_of(*dependencies: object) -> Material | None:
    predicate = changed(
        provenance_predicate(), ("buildDefinition", "resolvedDependencies"), lambda _: list(dependencies)
    )
    return parse_provenance(predicate, most_materials=3).source  # type: ignore[arg-type]


def test_provenance_says_who_built_it_from_what() -> None:
    provenance = parse_provenance(provenance_predicate(), most_materials=1)
    assert (provenance.builder_id, provenance.invocation_id) == (BUILDER, "run-1")
    assert provenance.source == provenance.materials[0]
    assert provenance.source.commit == COMMIT


def test_real_statements_are_read() -> None:
    assert parse_provenance(asset("slsa-v1-mode-min.json"), most_materials=3).builder_id == ""
    tekton = parse_provenance(asset("golden-v2alpha4-task-output-image.json"), most_materials=3)
    assert tekton.builder_id == "https://tekton.dev/chains/v2"
    assert tekton.source is None
    assert tekton.materials[0].digest is not None


@pytest.mark.parametrize(
    "name", ["docs-slsa-v1-b.json", "slsa-v0.2-assembled.json", "golden-v2alpha4-pipeline-output-image.json"]
)
def test_a_builder_that_is_no_uri_another_shape_and_a_made_up_commit_are_malformed(name: str) -> None:
    assert refusal(asset(name)) == "provenance_malformed"


def test_the_dependency_named_source_is_the_source() -> None:
    git = {"uri": "git+https://git.example/other", "digest": {"gitCommit": COMMIT}}
    named = {"name": "source", "uri": "pkg:golang/git.example/app@v1", "digest": {"sha256": "ab" * 32}}
    found = source_of(git, named)
    assert found is not None
    assert found.uri == "pkg:golang/git.example/app@v1"


def test_several_sources_are_none() -> None:
    named = {"name": "source", "uri": "a", "digest": {}}
    assert source_of(named, named) is None
    assert source_of(named) == Material(name="source", uri="a")


def test_without_a_named_source_the_first_git_dependency_with_a_commit_is_it() -> None:
    bare = {"uri": "git+https://git.example/bare"}
    plain = {"uri": "https://git.example/plain", "digest": {"gitCommit": COMMIT}}
    full = {"uri": "git+https://git.example/full", "digest": {"gitCommit": COMMIT}}
    assert source_of(bare, plain) is None
    found = source_of(bare, plain, full)
    assert found is not None
    assert found.uri == "git+https://git.example/full"


@pytest.mark.parametrize(
    "dependency",
    [
        {},
        {"uri": "git+https://git.example/a", "digest": {"gitCommit": "C0" * 20}},
        {"uri": "git+https://git.example/a", "digest": {"sha256": COMMIT}},
        {"uri": "git+https://git.example/a", "digest": {"sha256": 1}},
        {"uri": "git+https://git.example/a", "digest": []},
        {"uri": 1},
        "git+https://git.example/a",
    ],
)
def test_a_malformed_dependency_is_refused(dependency: object) -> None:
    predicate = changed(provenance_predicate(), ("buildDefinition", "resolvedDependencies", 0), lambda _: dependency)
    assert refusal(predicate) == "provenance_malformed"


def test_content_and_unknown_algorithms_are_fine() -> None:
    assert source_of({"content": "aGk="}, {"digest": {"made-up": "x"}}) is None


@pytest.mark.parametrize(
    "path", [("buildDefinition",), ("buildDefinition", "buildType"), ("runDetails",), ("runDetails", "builder")]
)
def test_a_missing_member_is_malformed(path: tuple[str | int, ...]) -> None:
    assert refusal(changed(provenance_predicate(), path, None)) == "provenance_malformed"


def test_too_many_dependencies_are_malformed() -> None:
    many = [{"uri": "a"}] * 4
    predicate = changed(provenance_predicate(), ("buildDefinition", "resolvedDependencies"), lambda _: many)
    assert refusal(predicate) == "provenance_malformed"
