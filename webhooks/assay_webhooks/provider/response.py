"""ProviderResponse v1beta1 (`externaldata.gatekeeper.sh`): one item for each key, or one error for all of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay_webhooks.provider.request import API_VERSION

Value = str | Mapping[str, str | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is told about one key: a value or an error, never both (`ValueError`).

    `passing` says that the same key may get another answer soon, because something did not answer in time.
    """

    key: str
    value: Value | None = None
    error: str = ""
    passing: bool = False

    def __post_init__(self) -> None:
        if (self.value is None) is not bool(self.error):
            raise ValueError("an item has either a value or an error")


def render_items(items: Sequence[Item], *, idempotent: bool) -> bytes:
    """Render the response with an item for each key."""
    listed = [
        {"key": item.key, "error": item.error} if item.value is None else {"key": item.key, "value": item.value}
        for item in items
    ]
    return _render({"idempotent": idempotent, "items": listed})


def render_failure(error: str) -> bytes:
    """Render the response of a request that failed as a whole: nothing is said about any key."""
    if not error:
        raise ValueError("a failure without words would pass for a success")
    return _render({"idempotent": False, "items": [], "systemError": error})


def _render(response: Mapping[str, object]) -> bytes:
    document = {"apiVersion": API_VERSION, "kind": "ProviderResponse", "response": response}
    return json.dumps(document).encode()
