"""Incidents about immutable tags."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.incident import Incident, IncidentKind, TagSighting, Witness
from assay.domain.reference import Repository

NOW = datetime(2026, 11, 21, tzinfo=UTC)
APP = Repository(registry="registry.example", path="app")
SIGHTING = TagSighting(repository=APP, tag="v1", digest=Digest.of(b"a"), witness=Witness.ADMISSION, at=NOW)
INCIDENT = Incident(
    kind=IncidentKind.MOVED,
    repository=APP,
    tag="v1",
    known=Digest.of(b"a"),
    found=Digest.of(b"b"),
    at=NOW,
    by="admission",
)


def test_a_sighting_has_a_tag_and_a_moment() -> None:
    with pytest.raises(InvalidInput):
        replace(SIGHTING, tag="a b")
    with pytest.raises(InvalidInput):
        replace(SIGHTING, tag="")
    with pytest.raises(ValueError, match="zone"):
        replace(SIGHTING, at=NOW.replace(tzinfo=None))


def test_an_incident_names_what_the_tag_stands_for() -> None:
    assert str(INCIDENT.reference) == f"registry.example/app:v1@{INCIDENT.found}"


@pytest.mark.parametrize("changes", [{"reason": ""}, {"by": " "}, {"reason": "x" * 501}, {"by": "a\x1b"}])
def test_an_acceptance_says_who_and_why(changes: dict[str, Any]) -> None:
    accepted = replace(INCIDENT, kind=IncidentKind.ACCEPTED, by="alice", reason="rebuilt")
    with pytest.raises(ConfigError) as caught:
        replace(accepted, **changes)
    assert caught.value.code == "reason_invalid"
