"""Submissions to logs, and the entries in their answers."""

import json
from typing import Any

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.verification.log_submission import parse_entry
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.submission import FakeRekor

WORLD = FakeSigstore()
BODY: dict[str, Any] = {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {}}


def answer() -> dict[str, Any]:
    return FakeRekor(log=WORLD.log).add(BODY)


def parse(document: object, version: int = 1) -> dict[str, Any]:
    return dict(parse_entry(json.dumps(document).encode(), version=version, limits=Limits()))


def test_an_entry_of_version_1_is_read_with_its_proof_or_without() -> None:
    document = answer()
    (entry,) = document.values()
    read = parse(document)
    assert read["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.1"}
    assert read["inclusionProof"]["treeSize"] == "1"
    del entry["verification"]["inclusionProof"]
    assert "inclusionProof" not in parse(document)


def test_a_proof_is_read_with_its_hashes() -> None:
    document = answer()
    (entry,) = document.values()
    entry["verification"]["inclusionProof"]["hashes"] = ["00" * 32]
    assert len(parse(document)["inclusionProof"]["hashes"]) == 1
    entry["verification"]["inclusionProof"]["hashes"] = ["AA"]
    assert refused(document)


def test_an_entry_of_version_2_is_taken_as_it_is() -> None:
    entry = WORLD.tiles.enter(BODY)
    assert parse(entry, version=2) == entry
    assert refused({**entry, "unknown": 1}, version=2)


def refused(document: object, version: int = 1) -> bool:
    with pytest.raises(InvalidInput) as caught:
        parse(document, version)
    return caught.value.code == "bundle_malformed"


@pytest.mark.parametrize("document", [[], {}, {"a": []}, {"a": {"body": 1}}, {"a": {"unknown": 1}}])
def test_what_is_no_entry_is_refused(document: object) -> None:
    assert refused(document)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_entry(b"{", version=1, limits=Limits())
    assert caught.value.code == "bundle_malformed"
