"""Signing configs: what they name, and who is asked."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.signing_config import SigningConfig, one_of, parse_signing_config

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"


def service(name: str, version: int = 1, start: str = "2021-01-01T00:00:00Z", **more: object) -> dict[str, Any]:
    valid = {"start": start}
    return {"url": f"https://{name}.test/", "majorApiVersion": version, "validFor": valid, "operator": name, **more}


def parse(**members: object) -> SigningConfig:
    return parse_signing_config(json.dumps({"mediaType": MEDIA_TYPE, **members}).encode(), limits=Limits())


def chosen(selector: Mapping[str, object], *services: dict[str, Any]) -> list[str]:
    config = parse(rekorTlogUrls=list(services), rekorTlogConfig=selector)
    return [log.url for log in config.logs.choose(NOW)]


def refused(**members: object) -> bool:
    with pytest.raises(InvalidInput) as caught:
        parse(**members).logs.choose(NOW)
    return caught.value.code == "signing_config_unusable"


ANY, ALL, TWO = {"selector": "ANY"}, {"selector": "ALL"}, {"selector": "EXACT", "count": 2}


def test_what_names_nothing_asks_nobody() -> None:
    config = parse(rekorTlogConfig={}, tsaConfig={})
    kinds = (config.logs, config.timestamp_authorities, config.certificate_authorities, config.identity_providers)
    assert [kind.choose(NOW) for kind in kinds] == [(), (), (), ()]
    with pytest.raises(InvalidInput) as caught:
        one_of((), "log")
    assert caught.value.code == "signing_config_unusable"


def test_the_selector_says_how_many_operators_are_asked() -> None:
    three = [service("a"), service("b"), service("c")]
    assert chosen(ANY, *three) == ["https://a.test"]
    assert chosen(TWO, *three) == ["https://a.test", "https://b.test"]
    assert chosen(ALL, *three) == ["https://a.test", "https://b.test", "https://c.test"]
    assert one_of(parse(caUrls=three).certificate_authorities.choose(NOW), "ca").operator == "a"


def test_of_one_operator_the_newest_version_that_is_spoken_is_asked() -> None:
    versions = [service("new", 2, operator="a"), service("old", 1, operator="a"), service("next", 3, operator="a")]
    assert chosen(ALL, *versions) == chosen(ALL, *reversed(versions)) == ["https://new.test"]


def test_services_outside_of_their_time_are_not_asked() -> None:
    ended = service("ended", validFor={"start": "2021-01-01T00:00:00Z", "end": "2022-01-01T00:00:00Z"})
    later = service("later", start="2027-01-01T00:00:00Z")
    assert chosen(ALL, ended, later, service("now"), {"url": "http://open.test", "majorApiVersion": 1}) == [
        "https://now.test",
        "http://open.test",
    ]
    assert refused(rekorTlogUrls=[ended, later], rekorTlogConfig=ANY)
    assert refused(rekorTlogUrls=[service("now"), ended], rekorTlogConfig=TWO)


@pytest.mark.parametrize(
    "members",
    [
        {"mediaType": "application/json"},
        {"unknown": 1},
        {"rekorTlogUrls": [service("a")]},
        {"rekorTlogUrls": [service("a")], "rekorTlogConfig": {"selector": "SOME"}},
        {"rekorTlogUrls": [service("a")], "rekorTlogConfig": {"selector": "EXACT"}},
        {"rekorTlogUrls": [service("a")], "rekorTlogConfig": {"selector": "ANY", "count": 1}},
        {"rekorTlogUrls": [service("a") | {"url": "ftp://a"}], "rekorTlogConfig": ANY},
        {"rekorTlogUrls": [service("a") | {"url": "https://user@a"}], "rekorTlogConfig": ANY},
        {"rekorTlogUrls": [service("a") | {"url": "https://a b"}], "rekorTlogConfig": ANY},
        {"rekorTlogUrls": [service("a") | {"more": 1}], "rekorTlogConfig": ANY},
        {"rekorTlogUrls": {}},
    ],
)
def test_anything_else_is_refused(members: dict[str, object]) -> None:
    assert refused(**members)
    assert chosen(ANY, service("a"))


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_signing_config(b" " * (1024 * 1024 + 1), limits=Limits())
    assert caught.value.code == "signing_config_unusable"
