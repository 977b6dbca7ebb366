import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.tlog.leaf import mark_caller, parse_leaf
from assay.tlog.report import render_report
from tests.fakes.decision import MOMENT, allowed, denied, image
from tests.fakes.leaf import SALT, leaf_for

LEAF = leaf_for(denied(), version="1.4.0")


def test_a_leaf_says_what_was_decided_in_digests_and_closed_words() -> None:
    leaf = json.loads(LEAF)
    assert leaf["schema"] == "assay.leaf/v1"
    assert leaf["verdict"] == "deny"
    assert leaf["time"] == "2026-11-21T10:00:00.123Z"
    assert leaf["findings"][0] == {"code": "licence.denied", "status": "violation", "count": 2}
    assert leaf["input"] == Digest.of(denied().document.content()).text
    assert leaf["report"] == Digest.of(render_report(denied())).text
    assert leaf["service"]["version"] == "1.4.0"


def test_one_review_of_several_containers_is_one_leaf() -> None:
    leaf = parse_leaf(leaf_for(allowed()))
    assert [item.name for item in leaf.images] == ["registry.example/a", "registry.example/b"]


def test_who_asked_is_only_in_the_leaf_as_a_salted_mark() -> None:
    preimage = denied().preimage
    expected = hmac.new(SALT, preimage, hashlib.sha256).hexdigest()
    assert json.loads(LEAF)["caller"] == f"hmac-sha256:{expected}"
    assert b"user-0" not in LEAF


def test_a_short_salt_marks_nobody() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        mark_caller(b"preimage", b"short")


def test_a_leaf_comes_back_as_it_was() -> None:
    leaf = parse_leaf(LEAF)
    assert leaf.time == MOMENT - timedelta(microseconds=456)
    assert leaf.policy == denied().policy
    assert leaf.evidence == denied().evidence


def test_a_leaf_beyond_the_limit_of_an_entry_is_refused() -> None:
    images = tuple(image(content=str(number)) for number in range(600))
    with pytest.raises(InvalidInput) as caught:
        leaf_for(replace(denied(), artefacts=images))
    assert caught.value.code == "leaf_too_large"
    leaf_for(replace(denied(), artefacts=images[:300]))


def test_text_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        leaf_for(replace(denied(), environment="\ud800"))
    assert caught.value.code == "leaf_malformed"


MEMBERS = json.loads(LEAF)


def _with(**members: object) -> bytes:
    return json.dumps(MEMBERS | members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[]",
        b"[" * 3000,
        LEAF + b" ",
        LEAF.replace(b'"dry_run":false,', b'"dry_run":false,"dry_run":false,'),
        _with(unknown=1),
        _with(schema="assay.leaf/v2"),
        _with(kind="no such kind"),
        _with(verdict="perhaps"),
        _with(verdict=1),
        _with(retryable="no"),
        _with(time="2026-11-21T10:00:00Z"),
        _with(time="2026-11-21T10:00:00.123+00:00"),
        _with(time="2026-11-21T10:00:00.123"),
        _with(time="yesterday"),
        _with(images={}),
        _with(images=[1]),
        _with(images=[{"name": "a", "digest": "md5:0"}]),
        _with(findings=[{"code": "a", "status": "pass", "count": True}]),
        _with(findings=[{"code": "a", "status": "pass", "count": 2**60}]),
        _with(evidence=[1]),
        _with(service=[]),
        _with(environment="x" * 70_000),
    ],
)
def test_what_is_no_leaf_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_leaf(octets)
    assert caught.value.code == "leaf_malformed"
    assert parse_leaf(_with()) == parse_leaf(LEAF)
