import json
from dataclasses import replace
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay_builder.plan.lock import InputKind, Lock, parse_lock, render_lock
from assay_builder.plan.plan import make_plan
from tests.fakes.build import LIBRARY, SPEC, FakeBuildWorld

LOCK = FakeBuildWorld().lock


def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(render_lock(LOCK))
    return read


def refuse(changed: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        parse_lock(json.dumps(changed).encode())
    return caught.value


def test_a_lock_is_read_back_as_it_was_written() -> None:
    assert parse_lock(render_lock(LOCK)) == LOCK
    assert [item.name.split()[0] for item in LOCK.inputs] == ["module_file", "module", "source", "toolchain"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "binary"),
        ("kind", "toolchain"),
        ("size", 0),
        ("size", -1),
        ("size", True),
        ("h1", "h1:short"),
        ("h1", "h1:" + "A" * 42 + "B="),
        ("path", "elsewhere.zip"),
        ("extra", 1),
    ],
)
def test_a_defect_of_an_input_is_refused(field: str, value: object) -> None:
    changed = document()
    changed["inputs"][0][field] = value
    assert refuse(changed).code == "lock_malformed"


def test_a_digest_of_another_form_is_refused() -> None:
    changed = document()
    changed["inputs"][0]["sha256"] = "00"
    assert refuse(changed).code == "digest_malformed"


def test_another_version_of_the_format_is_refused() -> None:
    assert "2 is not known" in refuse(document() | {"version": 2}).message


def test_unsorted_inputs_are_refused() -> None:
    changed = document()
    changed["inputs"].reverse()
    assert "not sorted" in refuse(changed).message


@pytest.mark.parametrize("kind", [InputKind.TOOLCHAIN, InputKind.SOURCE])
def test_a_lock_without_toolchain_or_source_is_refused(kind: InputKind) -> None:
    changed = document()
    changed["inputs"] = [item for item in changed["inputs"] if item["kind"] != kind.value]
    assert f"exactly one {kind.value}" in refuse(changed).message


def test_a_module_without_its_module_file_is_refused() -> None:
    inputs = tuple(item for item in LOCK.inputs if item.kind is not InputKind.MODULE_FILE)
    with pytest.raises(InvalidInput) as caught:
        Lock(spec=LOCK.spec, inputs=inputs)
    assert caught.value.code == "lock_malformed"


def test_more_inputs_than_any_build_has_are_refused() -> None:
    changed = document()
    item = changed["inputs"][0]
    changed["inputs"] += [
        item | {"name": f"z{number:05}.example/x", "path": f"z{number:05}.example/x/@v/v0.1.0.mod"}
        for number in range(5001)
    ]
    changed["inputs"].sort(key=lambda entry: str(entry["path"]))
    assert "more than 5000" in refuse(changed).message


def test_a_plan_needs_the_lock_of_its_specification() -> None:
    plan = make_plan(SPEC, render_lock(LOCK))
    assert plan.spec_digest == LOCK.spec
    with pytest.raises(InvalidInput) as caught:
        make_plan(SPEC + b"# a comment\n", render_lock(LOCK))
    assert caught.value.code == "lock_stale"
    assert "assay lock" in caught.value.remedy


def test_a_lock_of_another_source_is_stale() -> None:
    inputs = [
        replace(item, module=replace(item.module, version="v1.0.1")) if item.kind is InputKind.SOURCE else item
        for item in LOCK.inputs
    ]
    with pytest.raises(InvalidInput) as caught:
        make_plan(SPEC, render_lock(Lock(spec=Digest.of(SPEC), inputs=tuple(inputs))))
    assert caught.value.code == "lock_stale"
    assert LIBRARY in {item.module for item in LOCK.inputs}
