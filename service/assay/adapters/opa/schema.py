"""JSON Schemas: those for OPA's type checker, derived from the full ones, and where a document breaks one."""

from collections.abc import Mapping

from jsonschema_rs import ValidationError

_DROPPED = frozenset({"$schema", "$id", "title", "description", "required", "pattern", "format", "propertyNames"})
_BOUNDS = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minimum", "maximum", "minProperties"}
)
_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer"}

CHECKER_SCHEMAS = {
    "assay.input.v1.json": "assay_input_v1.json",
    "assay.request.v1.json": "assay_request_v1.json",
}
"""Full schema to checker schema, as file names; Rego refers to the latter as `schema.assay_input_v1`."""


def checker_schema(full: object) -> object:
    """The schema that `opa check` understands, for a full schema.

    The checker knows types, properties, items, `anyOf` and local references. What it does not know is dropped: values
    become their plain type, an object without listed properties becomes an open one. Closed objects stay closed, so a
    misspelt path is a type error.
    """
    if isinstance(full, list):
        return [checker_schema(item) for item in full]
    if not isinstance(full, Mapping):
        return full
    if "const" in full:
        return {"type": _TYPES[type(full["const"])]}
    if "enum" in full:
        return {"type": _TYPES[type(full["enum"][0])]}
    kept = {key: value for key, value in full.items() if key not in _DROPPED | _BOUNDS}
    if isinstance(kept.get("additionalProperties"), Mapping):
        return {"type": "object"}
    return {key: _member(key, value) for key, value in kept.items()}


def _member(key: str, value: object) -> object:
    # Below these two every key is a name, not a keyword: a property may well be called `required`.
    if key in {"properties", "$defs"} and isinstance(value, Mapping):
        return {name: checker_schema(below) for name, below in value.items()}
    return checker_schema(value)


def render_path(problem: ValidationError) -> str:
    """Where in a document the problem is, as a JSON path."""
    return "$" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in problem.instance_path)
