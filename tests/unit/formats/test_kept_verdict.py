"""Verdicts as they are kept between processes: what was written comes back, anything else is refused."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence_format import EvidenceFormat
from assay.domain.limit import Limits
from assay.formats.base64text import encode_base64
from assay.formats.kept_verdict import key_digest, parse_kept_verdict, render_kept_verdict
from assay.tlog.canonical import render_canonical
from tests.fakes.kept_verdict import KEY, kept_verdict


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_was_kept_comes_back(verdict: Verdict) -> None:
    kept = kept_verdict(verdict=verdict)
    assert parse_kept_verdict(render_kept_verdict(kept)) == kept


def test_every_part_of_a_key_makes_another_name() -> None:
    changes: list[dict[str, Any]] = [
        {"repository": replace(KEY.repository, path="other")},
        {"repository": replace(KEY.repository, registry="other.example")},
        {"digest": Digest.of(b"other")},
        {"since": KEY.since.replace(year=2026)},
        {"limits": Limits(packages=1)},
        {"formats": frozenset({EvidenceFormat.REFERRERS})},
        {"revision": Digest.of(b"next")},
        *({name: "other"} for name in ("tenant", "environment", "reader", "waivers", "feeds", "epoch")),
        *({"policy": replace(KEY.policy, **{name: Digest.of(b"other")})} for name in KEY.policy.__slots__),
    ]
    names = {key_digest(KEY), *(key_digest(replace(KEY, **change)) for change in changes)}
    assert len(names) == len(changes) + 1
    assert {name for change in changes for name in change} == {item.name for item in fields(KEY) if item.init}


def _set(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.__setitem__(name, value)


@pytest.mark.parametrize(
    "change",
    [
        _set("schema", "assay.verdict/v1"),
        _set("verdict", "maybe"),
        _set("unknown", 1),
        _set("documents", []),
        _set("documents", [encode_base64(b'{"platform":"one"}')]),
        _set("listed", "2026-11-21T11:59:59.999Z"),
        _set("listed", "now"),
        _set("checked", {"signature.authority": "1"}),
        lambda document: document["key"].pop("trust"),
        lambda document: document["key"].update(more=1),
        lambda document: document["key"]["limits"].update(more=1),
        lambda document: document["findings"][0].update(status="violation"),
        lambda document: document["findings"][0].update(image="registry.example/app:v1"),
        lambda document: document["findings"][0].update(rule=""),
        lambda document: document["gaps"][0].update(code="registry_unavailable"),
        lambda document: document["rejected"][0].update(code="internal"),
    ],
)
def test_what_nobody_wrote_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(render_kept_verdict(kept_verdict()))
    change(document)
    with pytest.raises(InvalidInput) as caught:
        parse_kept_verdict(render_canonical(document))
    assert caught.value.code == "verdict_malformed"


def test_gaps_that_many_images_have_are_read_once_and_those_with_a_text_each_time() -> None:
    kept = kept_verdict()
    (plain,) = kept.found.facts.gaps
    facts = replace(kept.found.facts, gaps=(plain, replace(plain, detail="the list is too long")))
    octets = render_kept_verdict(replace(kept, found=replace(kept.found, facts=facts)))
    first, second = (parse_kept_verdict(octets).found.facts.gaps for _ in range(2))
    assert first == second == facts.gaps
    assert (first[0] is second[0], first[1] is second[1]) == (True, False)


def test_another_spelling_is_refused() -> None:
    with pytest.raises(InvalidInput, match="canonical"):
        parse_kept_verdict(json.dumps(json.loads(render_kept_verdict(kept_verdict()))).encode())
