"""`assay gate`: what is asked, what is printed, how it ends."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assay.domain.artefact import Artefact
from assay.domain.decision import Finding, Severity, Stage, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence import Gap, GapKind, Rejection
from assay.domain.gate import FromLayout, FromRegistry, GateAnswer
from assay.domain.reason import GapReason
from assay.domain.reference import Repository
from assay.formats.gate import parse_gate_answer
from tests.fakes.composition import ScriptedService
from tests.fakes.service import typed
from tests.unit.cli.conftest import CommandLine, Outcome

DIGEST = Digest.of(b"image")
IMAGE = f"registry.example/app@{DIGEST}"
FINDING = Finding(
    code="signature.authority",
    status=Status.INDETERMINATE,
    severity=Severity.CRITICAL,
    stage=Stage.EVIDENCE,
    msg="nobody signed",
    reasons=("registry_unavailable",),
    solution="sign it",
)
PASSED = replace(FINDING, code="sbom.found", status=Status.PASS, reasons=())
ALLOW = GateAnswer(
    decision_id="01KAQ3V9Y0000000000000000A",
    verdict=Verdict.ALLOW,
    retryable=False,
    artefact=Artefact(repository=Repository.parse("registry.example/app"), digest=DIGEST),
    environment="prod",
    findings=(PASSED,),
    gaps=(),
    rejected=(),
    leaf=b"{}",
    index=7,
    proof="proof",
)
RETRY = replace(
    ALLOW,
    verdict=Verdict.INDETERMINATE,
    retryable=True,
    findings=(FINDING,),
    gaps=(
        Gap(kind=GapKind.SIGNATURE, reason=GapReason.FETCH_ERROR, code="registry_unavailable", detail="503"),
        Gap(kind=GapKind.SBOM, reason=GapReason.NOT_FOUND, code="absent"),
        Gap(kind=GapKind.VEX, reason=GapReason.NOT_COLLECTED, code="not_collected"),
    ),
    rejected=(Rejection(id=DIGEST, code="signature_invalid", detail="another key"),),
)


def ask(assay: CommandLine, answer: object, *arguments: str, image: str = IMAGE) -> Outcome:
    assay.parts.client = ScriptedService({"/v1/gate": answer})
    return assay.run("gate", "--environment", "prod", image, *arguments)


def test_an_allow_is_0_and_says_what_it_is_bound_to(assay: CommandLine) -> None:
    outcome = ask(assay, ALLOW)
    assert outcome.status == 0
    assert outcome.out == (
        f"ALLOW  registry.example/app@{DIGEST}  (prod)\n"
        "  pass          sbom.found: nobody signed\n"
        "recorded as decision 01KAQ3V9Y0000000000000000A, leaf 7 of the log\n"
    )


def test_findings_and_gaps_name_the_platform_of_an_index(assay: CommandLine) -> None:
    gap = Gap(kind=GapKind.SBOM, reason=GapReason.NOT_FOUND, code="absent", platform="linux/arm64")
    outcome = ask(assay, replace(RETRY, findings=(replace(FINDING, platform="linux/arm64"),), gaps=(gap,)))
    assert "signature.authority linux/arm64 [registry_unavailable]: nobody signed\n" in outcome.out
    assert "gap           linux/arm64 sbom: absent\n" in outcome.out


def test_what_an_answer_says_cannot_move_the_cursor(assay: CommandLine) -> None:
    outcome = ask(assay, replace(RETRY, findings=(replace(FINDING, msg="\x1b[2J\nALLOW"),)))
    assert "\\x1b[2J\\nALLOW" in outcome.out
    assert "\x1b" not in outcome.out


def test_a_denial_explains_itself(assay: CommandLine) -> None:
    outcome = ask(assay, RETRY)
    assert outcome.status == 3
    for said in (
        "signature.authority [registry_unavailable]: nobody signed",
        "-> sign it",
        "signature: registry_unavailable (503)",
        "sbom: absent\n",
        "not collected vex",
        f"rejected      {DIGEST.hex[:12]} signature_invalid: another key",
        "repeat later",
    ):
        assert said in outcome.out


@pytest.mark.parametrize(
    ("answer", "status"),
    [(ALLOW, 0), (replace(RETRY, verdict=Verdict.DENY, retryable=False), 1), (RETRY, 3)],
)
def test_json_is_one_document_that_a_client_reads_back(assay: CommandLine, answer: GateAnswer, status: int) -> None:
    outcome = ask(assay, answer, "--output", "json")
    assert outcome.status == status
    assert parse_gate_answer(json.dumps(outcome.document).encode(), largest=100_000) == answer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (typed(InvalidInput, "caller_unknown"), 2),
        (typed(InvalidInput, "answer_invalid"), 2),
        (typed(InvalidInput, "manifest_unknown"), 1),
        (typed(Unavailable, "service_unavailable"), 3),
    ],
)
def test_a_service_that_does_not_decide_is_never_0(assay: CommandLine, error: Exception, status: int) -> None:
    assert ask(assay, error).status == status


@pytest.mark.parametrize("image", ["registry.example/app:v1", "Not An Image", ""])
def test_an_image_without_a_digest_is_not_asked_about(assay: CommandLine, image: str) -> None:
    outcome = ask(assay, ALLOW, image=image)
    assert (outcome.status, "reference_malformed" in outcome.err) == (2, True)
    assert assay.parts.client.questions == []


def test_the_question_names_repository_digest_and_where_the_evidence_is(assay: CommandLine) -> None:
    ask(assay, ALLOW, image=f"registry.example/app:v1@{DIGEST}")
    asked = assay.parts.client.questions[0]
    assert (asked.artefact.tag, asked.artefact.digest, asked.environment) == ("v1", DIGEST, "prod")
    assert asked.evidence == FromRegistry()
    ask(assay, ALLOW, "--layout", "age")
    assert assay.parts.client.questions[0].evidence == FromLayout(path="age")


def test_the_token_comes_from_its_file_or_the_environment_and_is_never_printed(
    assay: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assay.monkeypatch.setenv("ASSAY_TOKEN", "from-environment")
    first, second = ask(assay, ALLOW), ask(assay, ALLOW, "--token-file", str(file))
    url = "http://127.0.0.1:8700"
    assert assay.parts.calls == [
        ("service", (url, "from-environment", None)),
        ("service", (url, "from-file", None)),
    ]
    assert "from-" not in first.out + first.err + second.out + second.err
