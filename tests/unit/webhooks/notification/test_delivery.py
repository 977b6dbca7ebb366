"""Deliveries of every registry, and what is refused or left alone of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.notification import Action, Delivery, SourceKind
from assay_webhooks.notification.delivery import parse_delivery
from tests.fakes.notification import (
    DIGEST,
    DISTRIBUTION,
    EVENTBRIDGE,
    GITHUB,
    HARBOR,
    HARBOR_CLOUD,
    source_of,
    written,
)

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
EVENTS_V1 = "application/vnd.docker.distribution.events.v1+json"
CLOUD_EVENT = "application/cloudevents+json"
Case = tuple[SourceKind, str, Mapping[str, Any]]
CASES: Mapping[str, Case] = {
    "distribution": (SourceKind.DISTRIBUTION, EVENTS_V1, DISTRIBUTION),
    "harbor": (SourceKind.HARBOR, "application/json", HARBOR),
    "harbor cloud event": (SourceKind.HARBOR, CLOUD_EVENT, HARBOR_CLOUD),
    "eventbridge": (SourceKind.EVENTBRIDGE, "application/json", EVENTBRIDGE),
    "github": (SourceKind.GITHUB, "application/json", GITHUB),
}


def parse(name: str, *path: str | int, to: object = None, event: str = "package", prefix: str = "team") -> Delivery:
    kind, media_type, document = CASES[name]
    headers = {"x-github-event": event} if kind is SourceKind.GITHUB else {}
    octets = written(document, *path, to=to)
    return parse_delivery(source_of(kind, prefix), octets, media_type=media_type, headers=headers)


def refuse(name: str, *path: str | int, to: object = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse(name, *path, to=to)
    return caught.value.code


@pytest.mark.parametrize("name", CASES)
def test_a_push_is_told_in_the_canonical_form_of_references(name: str) -> None:
    delivery = parse(name)
    (event,) = delivery.events
    assert (event.action, event.repository.path, event.tag, event.digest) == (Action.PUSH, "team/app", "v1", DIGEST)
    assert event.repository.registry == source_of(CASES[name][0]).registry
    assert delivery.ignored == 0


def test_the_moment_is_the_registrys_own_where_it_tells_one() -> None:
    moments = {name: parse(name).events[0].at for name in CASES}
    assert moments.pop("github") is None
    assert {moment.replace(microsecond=0) for moment in moments.values() if moment} == {NOW}


def test_release_3_of_distribution_tells_the_same_in_version_2() -> None:
    media_type = "application/vnd.docker.distribution.events.v2+json"
    octets = written(DISTRIBUTION)
    delivery = parse_delivery(source_of(SourceKind.DISTRIBUTION), octets, media_type=media_type, headers={})
    assert delivery == parse("distribution")


@pytest.mark.parametrize(
    ("name", "path", "word"),
    [
        ("distribution", ("events", 0, "action"), "delete"),
        ("harbor", ("type",), "DELETE_ARTIFACT"),
        ("harbor cloud event", ("type",), "harbor.artifact.deleted"),
        ("eventbridge", ("detail", "action-type"), "DELETE"),
    ],
)
def test_a_deletion_is_told_as_one(name: str, path: tuple[str | int, ...], word: str) -> None:
    (event,) = parse(name, *path, to=word).events
    assert (event.action, event.repository.path) == (Action.DELETE, "team/app")


def test_a_deleted_repository_has_neither_tag_nor_digest() -> None:
    target = {"repository": "team/app"}
    entry = {"action": "delete", "timestamp": "2026-11-20T10:00:00Z", "target": target}
    (event,) = parse("distribution", "events", to=[entry]).events
    assert (event.action, event.tag, event.digest) == (Action.DELETE, "", None)


@pytest.mark.parametrize(("name", "word"), [("harbor", "CREATE_TAG"), ("harbor cloud event", "harbor.tag.created")])
def test_a_tag_that_is_put_on_an_image_is_told_as_if_it_was_pushed(name: str, word: str) -> None:
    assert parse(name, "type", to=word) == parse(name)


@pytest.mark.parametrize(
    ("name", "path", "word"),
    [
        ("distribution", ("events", 0, "action"), "pull"),
        ("distribution", ("events", 0, "action"), "mount"),
        ("distribution", ("events", 0, "target", "mediaType"), "application/octet-stream"),
        ("harbor", ("type",), "PULL_ARTIFACT"),
        ("harbor cloud event", ("type",), "harbor.scan.completed"),
        ("eventbridge", ("detail-type",), "ECR Image Scan"),
        ("eventbridge", ("source",), "aws.other"),
        ("eventbridge", ("detail", "action-type"), "REPLICATE"),
        ("eventbridge", ("detail", "result"), "FAILURE"),
        ("eventbridge", ("account",), "210987654321"),
        ("eventbridge", ("region",), "us-east-1"),
        ("github", ("action",), "edited"),
        ("github", ("package", "package_version", "container_metadata"), None),
        ("distribution", ("events", 0, "target", "repository"), "teams/app"),
    ],
)
def test_what_changes_no_image_of_ours_is_left_alone(name: str, path: tuple[str | int, ...], word: str | None) -> None:
    assert parse(name, *path, to=word) == Delivery(ignored=1)


def test_a_ping_is_left_alone() -> None:
    assert parse("github", event="ping") == Delivery(ignored=1)


def test_the_older_event_of_github_says_the_same() -> None:
    document = {"action": "updated", "registry_package": GITHUB["package"]}
    source, headers = source_of(SourceKind.GITHUB), {"x-github-event": "registry_package"}
    delivery = parse_delivery(source, written(document), media_type="application/json", headers=headers)
    assert delivery == parse("github")


def test_an_untagged_version_of_github_has_the_digest_of_its_name() -> None:
    other = Digest.of(b"version")
    version = {
        "version": other.text,
        "container_metadata": {"tag": {"name": "", "digest": DIGEST.text}},
        "package_url": "ghcr.io/Team/app:",
    }
    (event,) = parse("github", "package", "package_version", to=version).events
    assert (event.tag, event.digest) == ("", other)


def test_an_artefact_of_harbor_without_a_tag_has_none() -> None:
    (event,) = parse("harbor", "event_data", "resources", 0, "tag", to=DIGEST.text).events
    assert (event.tag, event.digest) == ("", DIGEST)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("distribution", ("events",), "none"),
        ("distribution", ("events", 0), []),
        ("distribution", ("events", 0, "action"), None),
        ("distribution", ("events", 0, "target"), None),
        ("distribution", ("events", 0, "timestamp"), None),
        ("distribution", ("events", 0, "timestamp"), "yesterday"),
        ("distribution", ("events", 0, "timestamp"), "2026-11-20T10:00:00"),
        ("distribution", ("events", 0, "target", "digest"), None),
        ("distribution", ("events", 0, "target", "digest"), "sha512:00"),
        ("distribution", ("events", 0, "target", "repository"), None),
        ("distribution", ("events", 0, "target", "repository"), "Team/App"),
        ("distribution", ("events", 0, "target", "tag"), "a b"),
        ("harbor", ("type",), None),
        ("harbor", ("occur_at",), None),
        ("harbor", ("occur_at",), True),
        ("harbor", ("occur_at",), -1),
        ("harbor", ("event_data", "repository"), None),
        ("harbor", ("event_data", "repository", "repo_full_name"), "../app"),
        ("harbor", ("event_data", "resources", 0, "digest"), None),
        ("harbor cloud event", ("specversion",), "0.3"),
        ("harbor cloud event", ("data",), None),
        ("eventbridge", ("detail",), None),
        ("eventbridge", ("time",), None),
        ("github", ("action",), None),
        ("github", ("package",), None),
        ("github", ("package", "package_version", "package_url"), "evil.example/team/app:v1"),
        ("github", ("package", "package_version", "container_metadata", "tag", "digest"), None),
    ],
)
def test_what_no_registry_sends_is_refused(name: str, path: tuple[str | int, ...], value: object) -> None:
    assert refuse(name, *path, to=value) == "notification_malformed"
    assert parse(name).events


def test_no_more_events_than_a_registry_queues_are_taken_at_once() -> None:
    (entry,) = DISTRIBUTION["events"]
    assert len(parse("distribution", "events", to=[entry] * 256).events) == 256
    assert refuse("distribution", "events", to=[entry] * 257) == "notification_malformed"
    (resource,) = HARBOR["event_data"]["resources"]
    assert refuse("harbor", "event_data", "resources", to=[resource] * 257) == "notification_malformed"


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b'{"events": [], "events": []}', "json_malformed"),
        (b"\xff", "json_malformed"),
        (b"[]", "notification_malformed"),
        (b'{"events":' + b"[" * 40 + b"]" * 40 + b"}", "json_malformed"),
        (b'{"events": []}' + b" " * 1024 * 1024, "json_too_large"),
    ],
)
def test_a_body_has_one_meaning_and_bounds(octets: bytes, code: str) -> None:
    source = source_of(SourceKind.DISTRIBUTION)
    with pytest.raises(InvalidInput) as caught:
        parse_delivery(source, octets, media_type=EVENTS_V1, headers={})
    assert caught.value.code == code
    assert parse_delivery(source, b'{"events": []}', media_type=EVENTS_V1, headers={}) == Delivery()


@pytest.mark.parametrize("name", CASES)
def test_another_media_type_is_refused(name: str) -> None:
    kind, _, document = CASES[name]
    with pytest.raises(InvalidInput) as caught:
        parse_delivery(source_of(kind), written(document), media_type="text/plain", headers={})
    assert caught.value.code == "content_type_unsupported"
