"""Query parameters: known, given once, within their range."""

from collections.abc import Mapping

from flask import request

from assay.domain.errors import InvalidInput

LARGEST_INDEX = 2**53 - 1
"""The largest leaf index a parameter may name: what JSON numbers carry exactly."""


def read_parameters(known: frozenset[str]) -> Mapping[str, str]:
    """The query parameters of the current request; `InvalidInput(request_invalid)` for one unknown or given twice."""
    given = request.args.to_dict(flat=False)
    for name, values in given.items():
        if name not in known or len(values) != 1:
            raise refuse_parameter(name[:40], "the parameter is unknown or given twice")
    return {name: values[0] for name, values in given.items()}


def refuse_parameter(name: str, why: str) -> InvalidInput:
    """The error for a parameter that cannot be used."""
    return InvalidInput("request_invalid", f"{name}: {why}", remedy="see openapi.yaml")


def integer_parameter(given: Mapping[str, str], name: str, default: int, *, lowest: int, highest: int) -> int:
    """A decimal parameter within a closed range, or the default."""
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 16 or not lowest <= int(text) <= highest:
        raise refuse_parameter(name, f"an integer from {lowest} to {highest} is expected")
    return int(text)
