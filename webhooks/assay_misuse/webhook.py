"""The webhook under test, as an API server calls it."""

import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import requests

from assay_misuse.workload import Json, decode_patch

_GRACE = 1.0
"""Seconds that an answer may be late before it counts as none."""


class Hook(StrEnum):
    """The two hooks."""

    MUTATE = "mutate"
    VALIDATE = "validate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a webhook answered.

    `allowed` is None when there was no answer that an API server could use: then `failurePolicy` decides, and `why`
    says what came instead.
    """

    allowed: bool | None
    why: str = ""
    patch: bytes = field(default=b"", repr=False)
    seconds: float = 0.0


class Webhook(Protocol):
    """Answers reviews."""

    def hooks(self) -> frozenset[Hook]:
        """The hooks that it has."""
        ...

    def ask(self, hook: Hook, review: Json, *, seconds: int) -> Answered:
        """Send a review and tell the webhook that it has this many seconds."""
        ...


class HttpsWebhook:
    """A webhook at an address; `mutate` may be empty. `ca` is the PEM file of its authority."""

    def __init__(self, *, validate: str, mutate: str = "", ca: Path | None = None) -> None:
        self._urls = {Hook.VALIDATE: validate, **({Hook.MUTATE: mutate} if mutate else {})}
        self._verify = str(ca) if ca else True

    def hooks(self) -> frozenset[Hook]:
        """See `Webhook`."""
        return frozenset(self._urls)

    def ask(self, hook: Hook, review: Json, *, seconds: int) -> Answered:
        """See `Webhook`."""
        begun = time.monotonic()
        try:
            answer = requests.post(
                self._urls[hook],
                params={"timeout": f"{seconds}s"},
                json=review,
                timeout=seconds + _GRACE,
                verify=self._verify,
                allow_redirects=False,
            )
            document = answer.json() if answer.ok else None
        except requests.RequestException as error:
            return Answered(allowed=None, why=type(error).__name__, seconds=time.monotonic() - begun)
        spent = time.monotonic() - begun
        if document is None:
            return Answered(allowed=None, why=f"HTTP {answer.status_code}", seconds=spent)
        return read_answer(document, review, seconds=spent)


def read_answer(document: object, review: Json, *, seconds: float) -> Answered:
    """Read an answered review as an API server does: one about another request or of another form is none."""
    response = document.get("response") if isinstance(document, dict) else None
    if not isinstance(response, dict) or response.get("uid") != review["request"]["uid"]:
        return Answered(allowed=None, why="the answer is about another request", seconds=seconds)
    if not isinstance(response.get("allowed"), bool):
        return Answered(allowed=None, why="the answer does not say whether it allows", seconds=seconds)
    try:
        patch = decode_patch(response["patch"]) if response.get("patch") else b""
    except (TypeError, ValueError):
        return Answered(allowed=None, why="the patch cannot be read", seconds=seconds)
    status = response.get("status")
    why = str(status.get("message", "")) if isinstance(status, dict) else ""
    return Answered(allowed=response["allowed"], why=why, patch=patch, seconds=seconds)
