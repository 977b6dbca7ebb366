"""Where evidence is looked for: everywhere, unless the configuration says otherwise."""

import pytest

from assay.configuration.evidence import read_evidence
from assay.configuration.section import Section
from assay.domain.errors import ConfigError
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat


def read(**members: object) -> frozenset[EvidenceFormat]:
    return read_evidence(Section(members, "evidence"))


def test_every_format_is_on_by_default() -> None:
    assert read() == EVERY_FORMAT == read(referrers="true")


@pytest.mark.parametrize("evidence_format", list(EvidenceFormat))
def test_each_format_is_switched_off_by_its_name(evidence_format: EvidenceFormat) -> None:
    assert read(**{evidence_format: "false"}) == EVERY_FORMAT - {evidence_format}


@pytest.mark.parametrize(
    ("members", "place"),
    [
        (dict.fromkeys(EvidenceFormat, "false"), "evidence: every format of evidence is off"),
        ({"referrers": "no"}, "evidence.referrers"),
        ({"bundles": "true"}, "bundles"),
    ],
)
def test_what_cannot_be_meant_is_refused(members: dict[str, object], place: str) -> None:
    with pytest.raises(ConfigError, match=place) as caught:
        read(**members)
    assert caught.value.code == "configuration_invalid"
