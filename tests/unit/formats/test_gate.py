"""Gate questions and answers: round trips, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.artefact import Artefact
from assay.domain.decision import Finding, Severity, Stage, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.gate import Candidate, EvidenceSource, FromLayout, FromRegistry, GateAnswer, GateQuestion
from assay.domain.reason import GapReason
from assay.domain.reference import Repository
from assay.formats.gate import parse_gate_answer, parse_gate_question, render_gate_answer, render_gate_question

LARGEST = 1_000_000
ARTEFACT = Artefact(repository=Repository.parse("registry.example/app"), digest=Digest.of(b"manifest"), tag="1.0")
SOURCES: list[EvidenceSource] = [
    FromRegistry(),
    FromLayout(path="build/app"),
    Candidate(manifest=b"{}", media_type="application/json", config=b"c", bundles=(b"one", b"two")),
]


def question(source: EvidenceSource) -> GateQuestion:
    return GateQuestion(artefact=ARTEFACT, environment="prod", evidence=source)


def answer() -> GateAnswer:
    finding = Finding(
        code="licence.denied",
        status=Status.VIOLATION,
        severity=Severity.HIGH,
        stage=Stage.EVIDENCE,
        msg="denied",
        reasons=("x",),
        evidence=(("sbom", 0),),
    )
    return GateAnswer(
        decision_id="01J",
        verdict=Verdict.DENY,
        retryable=False,
        artefact=ARTEFACT,
        environment="prod",
        findings=(finding,),
        gaps=(Gap(kind=GapKind.SBOM, reason=GapReason.NOT_FOUND, code="absent"),),
        rejected=(Rejection(id=Digest.of(b"x"), code="signature_invalid", detail="no"),),
        leaf=b"{}",
        index=7,
        proof="proof\n",
    )


@pytest.mark.parametrize("source", SOURCES)
def test_a_question_reads_back_as_it_was_asked(source: EvidenceSource) -> None:
    asked = question(source)
    assert parse_gate_question(render_gate_question(asked), largest=LARGEST) == asked


def test_an_answer_reads_back_as_it_was_given() -> None:
    given_answer = answer()
    octets = json.dumps(render_gate_answer(given_answer)).encode()
    assert parse_gate_answer(octets, largest=LARGEST) == given_answer


def changed(path: list[str], value: object) -> bytes:
    document: dict[str, Any] = json.loads(render_gate_question(question(SOURCES[2])))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (["surprise"], 1, "request_invalid"),
        (["environment"], 1, "request_invalid"),
        (["artefact"], [], "request_invalid"),
        (["artefact", "type"], "chart", "request_invalid"),
        (["artefact", "digest"], "sha1:abc", "digest_malformed"),
        (["artefact", "repository"], "UPPER/case", "reference_malformed"),
        (["artefact", "tag"], "a b", "reference_malformed"),
        (["artefact", "extra"], "x", "request_invalid"),
        (["evidence", "from"], "thin air", "request_invalid"),
        (["evidence", "manifest"], "not base64!", "request_invalid"),
        (["evidence", "manifest"], 7, "request_invalid"),
        (["evidence", "bundles"], "x", "request_invalid"),
        (["evidence", "bundles"], [""] * 257, "request_invalid"),
    ],
)
def test_a_question_with_one_defect_is_refused(path: list[str], value: object, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_gate_question(changed(path, value), largest=LARGEST)
    assert caught.value.code == code
    assert parse_gate_question(changed(["environment"], "prod"), largest=LARGEST) == question(SOURCES[2])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("verdict", "maybe"),
        ("retryable", "no"),
        ("extra", 1),
        ("log", {"index": -1, "leaf": "", "proof": ""}),
        ("log", {"index": True, "leaf": "", "proof": ""}),
        ("findings", [{"code": "x"}]),
        ("gaps", {}),
    ],
)
def test_an_answer_that_is_not_fully_understood_is_refused(key: str, value: object) -> None:
    document = {**render_gate_answer(answer()), key: value}
    with pytest.raises(InvalidInput) as caught:
        parse_gate_answer(json.dumps(document).encode(), largest=LARGEST)
    assert caught.value.code == "answer_invalid"


@pytest.mark.parametrize("paths", [["x"], [[True]], [[1.5]]])
def test_paths_of_a_finding_have_names_and_indexes_only(paths: object) -> None:
    document: dict[str, Any] = render_gate_answer(answer())
    document["findings"][0]["evidence"] = paths
    with pytest.raises(InvalidInput, match="path"):
        parse_gate_answer(json.dumps(document).encode(), largest=LARGEST)


def test_a_list_of_reasons_holds_strings_only() -> None:
    document: dict[str, Any] = render_gate_answer(answer())
    document["findings"][0]["reasons"] = [1]
    with pytest.raises(InvalidInput, match="strings"):
        parse_gate_answer(json.dumps(document).encode(), largest=LARGEST)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    )
)
def test_any_json_gives_the_typed_error(value: object) -> None:
    with pytest.raises(InvalidInput):
        parse_gate_question(json.dumps(value).encode(), largest=LARGEST)
