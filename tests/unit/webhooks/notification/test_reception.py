"""From a call to what it makes us do."""

import hmac
from collections.abc import Callable
from typing import Any

import pytest

from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.notification import Delivery, Receipt, SourceKind
from assay_webhooks.notification.reception import KnownSource, Reception
from tests.fakes.clock import FrozenClock
from tests.fakes.metrics import CountingMetrics
from tests.fakes.notification import GITHUB, HARBOR, SECRET, source_of, written

TOKEN = {"authorization": f"Bearer {SECRET.decode()}"}
Secrets = Callable[[], tuple[bytes, ...]]


def known() -> tuple[bytes, ...]:
    return (SECRET,)


class Desk:
    """Receives for Harbor and GitHub, and remembers what was taken."""

    def __init__(self, secrets: Secrets = known) -> None:
        self.taken: list[Delivery] = []
        self.metrics = CountingMetrics()
        self.error: AssayError | None = None
        sources = [source_of(SourceKind.HARBOR, "team"), source_of(SourceKind.GITHUB)]
        known_sources = [KnownSource(source=source, secrets=secrets) for source in sources]
        self.reception = Reception(known_sources, self.take, self.metrics, FrozenClock())

    def take(self, delivery: Delivery) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(delivery)

    def receive(self, name: str = "harbor", octets: bytes = b"", **changes: Any) -> Receipt:
        call: dict[str, Any] = {"media_type": "application/json", "headers": TOKEN, **changes}
        return self.reception.receive(name, octets or written(HARBOR), **call)

    def refuse(self, *arguments: Any, **changes: Any) -> str:
        with pytest.raises(AssayError) as caught:
            self.receive(*arguments, **changes)
        return caught.value.code


def test_a_delivery_of_a_known_sender_is_taken() -> None:
    desk = Desk()
    assert desk.receive() == Receipt(events=1, ignored=0)
    assert [event.repository.path for event in desk.taken[0].events] == ["team/app"]
    assert desk.metrics.notifications == {("harbor", "taken"): 1}


def test_what_does_not_concern_us_is_answered_and_counted_as_such() -> None:
    desk = Desk()
    assert desk.receive(octets=written(HARBOR, "type", to="PULL_ARTIFACT")) == Receipt(events=0, ignored=1)
    assert desk.metrics.notifications == {("harbor", "ignored"): 1}


def test_the_sender_is_verified_before_anything_is_parsed() -> None:
    desk = Desk()
    assert desk.refuse(octets=b"no json at all", headers={}) == "caller_unknown"
    assert desk.refuse(octets=b"no json at all") == "json_malformed"
    assert desk.refuse(media_type="text/plain") == "content_type_unsupported"
    assert desk.taken == []
    assert desk.metrics.notifications == {("harbor", "refused"): 3}


def test_a_body_that_was_tampered_with_is_refused() -> None:
    desk, octets = Desk(), written(GITHUB)
    signed = {"x-hub-signature-256": f"sha256={hmac.digest(SECRET, octets, 'sha256').hex()}"}
    headers = {**signed, "x-github-event": "package"}
    assert desk.refuse("github", octets.replace(b"v1", b"v2"), headers=headers) == "caller_unknown"
    assert desk.receive("github", octets, headers=headers).events == 1


def test_a_source_that_nobody_described_is_none() -> None:
    desk = Desk()
    assert desk.refuse("quay") == "path_unknown"
    assert desk.metrics.notifications == {("unknown", "refused"): 1}


def test_a_repeated_delivery_is_taken_as_it_was_the_first_time() -> None:
    desk = Desk()
    assert desk.receive() == desk.receive()
    assert desk.taken[0] == desk.taken[1]


def test_without_a_readable_secret_nothing_is_taken() -> None:
    def unreadable() -> tuple[bytes, ...]:
        raise Unavailable("secret_unavailable", "no secret", remedy="look")

    desk = Desk(unreadable)
    assert desk.refuse() == "secret_unavailable"
    assert desk.metrics.notifications == {("harbor", "failed"): 1}


def test_a_delivery_that_cannot_be_taken_fails() -> None:
    desk = Desk()
    desk.error = Unavailable("cache_unavailable", "no", remedy="repeat")
    assert desk.refuse() == "cache_unavailable"
    assert desk.metrics.notifications == {("harbor", "failed"): 1}


def test_one_source_cannot_flood_and_leaves_room_for_another() -> None:
    desk = Desk()
    for _ in range(200):
        desk.receive()
    assert desk.refuse() == "notifications_overloaded"
    octets = written(GITHUB)
    signed = {"x-hub-signature-256": f"sha256={hmac.digest(SECRET, octets, 'sha256').hex()}"}
    assert desk.receive("github", octets, headers={**signed, "x-github-event": "package"}).events == 1


def test_who_shows_no_secret_uses_up_nothing_of_a_source() -> None:
    desk = Desk()
    for _ in range(300):
        with pytest.raises(InvalidInput):
            desk.receive(headers={})
    assert desk.receive().events == 1
