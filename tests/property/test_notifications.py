"""Whatever is sent, a delivery is understood or refused with a code, and never speaks of what is not its source's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.domain.notification import Delivery, NotificationSource, SourceKind
from assay_webhooks.notification.delivery import parse_delivery
from assay_webhooks.notification.sender import verify_sender
from tests.fakes.notification import DISTRIBUTION, EVENTBRIDGE, GITHUB, HARBOR, HARBOR_CLOUD, SECRET, source_of
from tests.property.test_evidence_parsers import JSON

CASES: list[tuple[SourceKind, str, Any]] = [
    (SourceKind.DISTRIBUTION, "application/vnd.docker.distribution.events.v1+json", DISTRIBUTION),
    (SourceKind.HARBOR, "application/json", HARBOR),
    (SourceKind.HARBOR, "application/cloudevents+json", HARBOR_CLOUD),
    (SourceKind.EVENTBRIDGE, "application/json", EVENTBRIDGE),
    (SourceKind.GITHUB, "application/json", GITHUB),
]


def places(document: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(document, dict):
        return [path, *(place for key in document for place in places(document[key], (*path, key)))]
    if isinstance(document, list):
        return [path, *(place for index, item in enumerate(document) for place in places(item, (*path, index)))]
    return [path]


def put(document: object, path: tuple[str | int, ...], value: object) -> object:
    changed = json.loads(json.dumps(document))
    inner: Any = {"": changed}
    steps: tuple[str | int, ...] = ("", *path)
    root = inner
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    return root[""]


def understood(source: NotificationSource, octets: bytes, media_type: str) -> Delivery:
    """The delivery; one that is refused with a code of its own says nothing."""
    try:
        return parse_delivery(source, octets, media_type=media_type, headers={"x-github-event": "package"})
    except InvalidInput as error:
        if error.code not in {"notification_malformed", "json_malformed"}:
            raise
        return Delivery()


@given(st.sampled_from(CASES).flatmap(lambda case: st.tuples(st.just(case), st.sampled_from(places(case[2])), JSON)))
def test_a_delivery_with_anything_anywhere_is_understood_or_refused_with_a_code(
    drawn: tuple[tuple[SourceKind, str, Any], tuple[str | int, ...], object],
) -> None:
    (kind, media_type, document), place, value = drawn
    source = source_of(kind, "team")
    octets = json.dumps(put(document, place, value)).encode()
    delivery = understood(source, octets, media_type)
    assert all(source.covers(event.repository) for event in delivery.events)


@given(st.sampled_from(CASES), st.binary(max_size=200))
def test_bytes_are_understood_or_refused_with_a_code(case: tuple[SourceKind, str, Any], octets: bytes) -> None:
    understood(source_of(case[0]), octets, case[1])


@given(
    st.sampled_from(SourceKind), st.dictionaries(st.sampled_from(["authorization", "x-hub-signature-256"]), st.text())
)
def test_nobody_guesses_a_secret(kind: SourceKind, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        verify_sender(kind, b"{}", headers, (SECRET,))
    assert caught.value.code == "caller_unknown"
