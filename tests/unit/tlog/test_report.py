import json
from dataclasses import replace

import pytest

from assay.domain.errors import InvalidInput
from assay.tlog.report import parse_report, render_report
from tests.fakes.decision import denied, finding

REPORT = render_report(denied())
MEMBERS = json.loads(REPORT)


def _with(**members: object) -> bytes:
    return json.dumps(MEMBERS | members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_report_comes_back_as_it_was() -> None:
    report = parse_report(REPORT)
    assert (report.findings, report.gaps, report.rejected) == (denied().findings, denied().gaps, denied().rejected)


@pytest.mark.parametrize(
    "octets",
    [
        b"{}",
        REPORT + b" ",
        _with(schema="assay.report/v2"),
        _with(unknown=1),
        _with(gaps=[{}]),
        _with(rejected=[{"id": "x", "code": "", "detail": ""}]),
        _with(findings=[MEMBERS["findings"][0] | {"severity": "huge"}]),
        _with(findings=[MEMBERS["findings"][0] | {"evidence": [[True]]}]),
        _with(findings=[MEMBERS["findings"][0] | {"evidence": ["path"]}]),
        _with(findings=[MEMBERS["findings"][0] | {"reasons": [1]}]),
    ],
)
def test_what_is_no_report_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_report(octets)
    assert caught.value.code == "report_malformed"
    assert parse_report(_with()) == parse_report(REPORT)


def test_a_finding_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        render_report(replace(denied(), findings=(replace(finding(), evidence=((2**60,),)),)))
    assert caught.value.code == "report_malformed"
