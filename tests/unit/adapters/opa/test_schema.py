"""Schemas for the type checker."""

import json
from pathlib import Path

import pytest

from assay.adapters.opa.schema import CHECKER_SCHEMAS, checker_schema

SCHEMAS = Path(__file__).parents[4] / "policies" / "schema"


@pytest.mark.parametrize(("full", "checker"), CHECKER_SCHEMAS.items())
def test_the_written_checker_schemas_are_current(full: str, checker: str) -> None:
    document = json.loads((SCHEMAS / full).read_text(encoding="utf-8"))
    assert checker_schema(document) == json.loads((SCHEMAS / "checker" / checker).read_text(encoding="utf-8"))


def test_closed_objects_stay_closed_and_maps_become_open() -> None:
    full = {
        "type": "object",
        "additionalProperties": False,
        "required": ["a"],
        "properties": {
            "required": {"type": "string", "pattern": "x"},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "list": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/kind"}},
        },
        "$defs": {"kind": {"enum": ["a", "b"]}, "flag": {"const": True}},
    }
    assert checker_schema(full) == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "required": {"type": "string"},
            "map": {"type": "object"},
            "list": {"type": "array", "items": {"$ref": "#/$defs/kind"}},
        },
        "$defs": {"kind": {"type": "string"}, "flag": {"type": "boolean"}},
    }


def test_alternatives_are_kept() -> None:
    assert checker_schema({"anyOf": [{"const": ""}, {"$ref": "#/$defs/digest"}]}) == {
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/digest"}]
    }
