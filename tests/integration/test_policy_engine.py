"""The shipped policies on the real engine, over its unix socket."""

import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from assay.adapters.opa.engine import connect
from assay.domain.admission import PodFacts
from assay.domain.decision import DecisionKind, Stage, StageVerdict, Status, Verdict
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence import Claim, Gap, Rejection
from assay.domain.policy import Mode
from assay.domain.reference import Reference
from assay.usecases.decide import decide_stage
from assay.usecases.document import JudgedImage, RequestFacts, request_document
from tests.fakes.policy import (
    ENVIRONMENT,
    IDENTITY,
    IMAGE,
    NOW,
    PROVENANCE_TYPE,
    SPDX_TYPE,
    TENANT,
    attestation_claim,
    changed,
    evidence_facts,
    good_claims,
    paths,
    provenance_predicate,
    signature_claim,
    spdx_predicate,
)
from tests.fixtures.engines import (
    EXAMPLE,
    RunningOpa,
    generation,
    restarted,
    running_opa,
    wait_until_ready,
    with_demands,
    with_rule,
    within,
)

SIGNATURE, PROVENANCE, SBOM = good_claims()
REPLACEMENTS: tuple[Callable[[object], object], ...] = (
    lambda _: "x",
    lambda _: [],
    lambda _: {},
    lambda _: True,
)
RUNAWAY = """# METADATA
# scope: package
# schemas:
#   - input: schema.assay_input_v1
package assay.rule.runaway

import data.assay.lib.finding

# METADATA
# title: Runaway
# description: Never ends
# custom:
#   code: runaway.ends
#   severity: low
#   requires: []
#   counts: signatures
#   solution: none
#   owner: nobody
deny contains found if {
\tnumbers.range(1, 4000)[_] * numbers.range(1, 4000)[_] == -1
\tfound := finding.at(rego.metadata.rule(), {"term": input.image.digest, "msg": "", "evidence": []})
}
"""


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpa]:
    state = tmp_path_factory.mktemp("state")
    with running_opa(state, generation(state)) as running:
        yield running


def judge(
    opa: RunningOpa, *claims: Claim, gaps: tuple[Gap, ...] = (), rejected: tuple[Rejection, ...] = ()
) -> StageVerdict:
    facts = evidence_facts(*claims, gaps=gaps, rejected=rejected)
    return decide_stage(
        opa.engine,
        Stage.EVIDENCE,
        facts.document,
        facts.gaps,
        tenant=TENANT,
        environment=ENVIRONMENT,
        deadline=within(5),
        rejected=facts.rejected,
    )


def blocking(verdict: StageVerdict) -> dict[str, tuple[str, ...]]:
    return {finding.code: finding.reasons for finding in verdict.findings if finding.blocks}


def test_complete_evidence_is_allowed(opa: RunningOpa) -> None:
    verdict = judge(opa, *good_claims())
    assert verdict.verdict is Verdict.ALLOW
    assert dict(verdict.checked)["licence.denied"] == 3


@pytest.mark.parametrize(
    ("claims", "codes"),
    [
        ((PROVENANCE, SBOM), {"signature.authority": ("absent",)}),
        ((SIGNATURE, SBOM), {"provenance.builder": ("absent",), "provenance.source": ("absent",)}),
        (
            (signature_claim(authority="other"), PROVENANCE, SBOM),
            {"signature.authority": ("all_rejected", "identity_mismatch")},
        ),
        (
            (SIGNATURE, SBOM, attestation_claim(PROVENANCE_TYPE, provenance_predicate(builder="https://x.example"))),
            {"provenance.builder": (), "provenance.source": ()},
        ),
        (
            (SIGNATURE, SBOM, attestation_claim(PROVENANCE_TYPE, provenance_predicate(uri="git+https://x.example/a"))),
            {"provenance.source": ()},
        ),
        ((SIGNATURE, PROVENANCE), {"sbom.found": ("absent",), "licence.denied": ("absent",)}),
        (
            (SIGNATURE, PROVENANCE, attestation_claim(SPDX_TYPE, spdx_predicate())),
            {"sbom.found": (), "licence.denied": ("absent",)},
        ),
        (
            (SIGNATURE, PROVENANCE, attestation_claim(SPDX_TYPE, spdx_predicate("GPL-3.0-only AND MIT"))),
            {"licence.denied": ()},
        ),
        (
            (SIGNATURE, PROVENANCE, attestation_claim(SPDX_TYPE, spdx_predicate("MIT", "NOASSERTION"))),
            {"licence.denied": ()},
        ),
    ],
)
def test_one_missing_or_wrong_piece_denies_with_its_code(
    opa: RunningOpa, claims: tuple[Claim, ...], codes: dict[str, tuple[str, ...]]
) -> None:
    verdict = judge(opa, *claims)
    assert verdict.verdict is not Verdict.ALLOW
    assert blocking(verdict) == codes


@pytest.mark.parametrize("mode", list(Mode))
def test_service_and_engine_agree_on_every_mode(tmp_path: Path, mode: Mode) -> None:
    codes = {"sbom.found": mode.value, "licence.denied": mode.value, "registry.allowed": mode.value}
    served = generation(tmp_path, rule_data=with_demands(tmp_path / "rule_data.json", modes=codes))
    with running_opa(tmp_path, served) as running:
        complete, incomplete = judge(running, *good_claims()), judge(running, SIGNATURE, PROVENANCE)
        elsewhere = ask_request(running, "elsewhere/app", Verdict.ALLOW)
    assert complete.verdict is Verdict.ALLOW
    denied = mode is Mode.ENFORCE
    assert (incomplete.verdict is not Verdict.ALLOW, elsewhere.verdict is not Verdict.ALLOW) == (denied, denied)
    told = {Mode.WARN: {Status.WARNING}, Mode.SHADOW: {Status.SHADOW}}.get(mode, set())
    assert denied or {item.status for item in elsewhere.findings} == told


def test_denials_lead_into_the_document(opa: RunningOpa) -> None:
    facts = evidence_facts(SIGNATURE, PROVENANCE, attestation_claim(SPDX_TYPE, spdx_predicate("MIT", "GPL-3.0-only")))
    verdict = judge(opa, SIGNATURE, PROVENANCE, attestation_claim(SPDX_TYPE, spdx_predicate("MIT", "GPL-3.0-only")))
    (finding,) = [item for item in verdict.findings if item.code == "licence.denied"]
    value: object = facts.document
    for step in finding.evidence[0]:
        value = value[step]  # type: ignore[index]  # the path is into this document
    assert finding.term == "SPDXRef-1"
    assert isinstance(value, dict)
    assert value["effective"] == "GPL-3.0-only"


@pytest.mark.parametrize("missing", range(3))
def test_no_change_of_a_document_without_the_evidence_makes_it_an_allow(opa: RunningOpa, missing: int) -> None:
    document = dict(
        evidence_facts(*(claim for number, claim in enumerate(good_claims()) if number != missing)).document
    )
    asked = 0
    for path in paths(document):
        for mutant in (changed(document, path, None), *(changed(document, path, to) for to in REPLACEMENTS)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(opa.engine, "_validate", lambda *_: None)
                answer = _answer(opa, mutant)
            asked += 1
            assert answer is not True, path
    assert asked > 300


def _answer(opa: RunningOpa, document: object) -> object:
    """What the engine itself says about a document that no schema has seen."""
    try:
        answer = opa.engine.query(Stage.EVIDENCE, document, within(5))  # type: ignore[arg-type]
    except InvalidInput:
        return None
    return answer["allow"] if isinstance(answer, dict) else None


def ask_request(
    opa: RunningOpa, repository: str, verdict: Verdict, *, pods: tuple[PodFacts, ...] = (), runs_already: bool = False
) -> StageVerdict:
    image = JudgedImage(
        key="one",
        reference=Reference.parse(f"registry.example/{repository}@{IMAGE}"),
        digest=IMAGE,
        verdict=StageVerdict(stage=Stage.EVIDENCE, verdict=verdict),
        runs_already=runs_already,
    )
    document = request_document(
        request=RequestFacts(operation="publish", pods=pods),
        tenant=TENANT,
        environment=ENVIRONMENT,
        kind=DecisionKind.GATE,
        policy=opa.engine.loaded().identity(IDENTITY.trust),
        since=NOW,
        images=[image],
    )
    return decide_stage(
        opa.engine,
        Stage.REQUEST,
        document,
        (),
        tenant=TENANT,
        environment=ENVIRONMENT,
        deadline=within(5),
        images=[image],
    )


def test_a_request_for_an_allowed_image_is_allowed(opa: RunningOpa) -> None:
    assert ask_request(opa, "team-a/app", Verdict.ALLOW).verdict is Verdict.ALLOW


def test_a_request_for_another_repository_or_a_denied_image_is_denied(opa: RunningOpa) -> None:
    assert set(blocking(ask_request(opa, "team-b/app", Verdict.ALLOW))) == {"registry.allowed"}
    assert set(blocking(ask_request(opa, "team-a/app", Verdict.DENY))) == {"evidence.allowed"}
    assert ask_request(opa, "team-a/app", Verdict.INDETERMINATE).verdict is Verdict.INDETERMINATE


def test_an_image_that_runs_already_is_not_judged_again_and_other_rules_hold_for_it(opa: RunningOpa) -> None:
    assert ask_request(opa, "team-a/app", Verdict.ALLOW, runs_already=True).verdict is Verdict.ALLOW
    assert set(blocking(ask_request(opa, "team-b/app", Verdict.ALLOW, runs_already=True))) == {"registry.allowed"}


def test_what_a_pod_asks_of_its_node_is_told_where_somebody_demands_it(opa: RunningOpa, tmp_path: Path) -> None:
    bold = PodFacts(host_namespaces=("network",), privileged=True, root=True)
    assert ask_request(opa, "team-a/app", Verdict.ALLOW, pods=(bold,)).findings == ()
    mandatory = json.loads(EXAMPLE.read_text(encoding="utf-8"))[TENANT][ENVIRONMENT]["mandatory"]
    mandatory["request"] += ["workload.privileged", "workload.run_as_root"]
    modes = {"workload.privileged": "warn"}
    demands = with_demands(tmp_path / "rule_data.json", mandatory=mandatory, modes=modes)
    with running_opa(tmp_path, generation(tmp_path, rule_data=demands)) as demanding:
        told = ask_request(demanding, "team-a/app", Verdict.ALLOW, pods=(PodFacts(), bold))
        found = {finding.code: finding.status for finding in told.findings}
        assert found == {"workload.privileged": Status.WARNING, "workload.run_as_root": Status.VIOLATION}
        assert ask_request(demanding, "team-a/app", Verdict.ALLOW, pods=(PodFacts(),)).findings == ()


def test_a_document_of_another_shape_is_refused_before_it_is_sent(opa: RunningOpa) -> None:
    document = {**evidence_facts(*good_claims()).document, "surprise": []}
    with pytest.raises(InvalidInput) as caught:
        opa.engine.query(Stage.EVIDENCE, document, within(5))
    assert caught.value.code == "policy_input_invalid"


def test_the_socket_is_private_and_only_the_two_questions_and_health_are_answered(opa: RunningOpa) -> None:
    assert stat.S_IMODE(opa.socket.stat().st_mode) == 0o600
    client = connect(opa.socket)
    session = client._session
    base = "http://opa:80"
    answers = [
        session.put(f"{base}/v1/policies/x", data="package x", timeout=5).status_code,
        session.put(f"{base}/v1/data/rule_data", json={}, timeout=5).status_code,
        session.get(f"{base}/v1/data", timeout=5).status_code,
        session.get(f"{base}/v1/config", timeout=5).status_code,
        session.post(f"{base}/v1/data/system/authz", json={}, timeout=5).status_code,
        session.get(f"{base}/health", timeout=5).status_code,
    ]
    client.close_connection()
    assert answers == [401, 401, 401, 401, 401, 200]


def test_threads_share_the_engine(opa: RunningOpa) -> None:
    verdicts: list[Verdict] = []
    threads = [threading.Thread(target=lambda: verdicts.append(judge(opa, *good_claims()).verdict)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == [Verdict.ALLOW] * 8


def test_a_forked_process_makes_its_own_connection(opa: RunningOpa) -> None:
    opa.engine.ping(within(5))
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            ended = 0 if judge(opa, *good_claims()).verdict is Verdict.ALLOW else 1
        finally:
            os._exit(ended)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert judge(opa, *good_claims()).verdict is Verdict.ALLOW


def test_a_deadline_that_is_over_is_an_engine_that_did_not_answer(opa: RunningOpa) -> None:
    with pytest.raises(Unavailable) as caught:
        opa.engine.ping(within(-1))
    assert caught.value.code == "policy_engine_unavailable"


def test_an_engine_that_was_killed_denies_and_one_that_is_back_is_used_again(tmp_path: Path) -> None:
    served = generation(tmp_path)
    with running_opa(tmp_path, served) as first:
        assert judge(first, *good_claims()).verdict is Verdict.ALLOW
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        assert set(blocking(judge(first, *good_claims()))) == {"policy_engine_unavailable"}
        with restarted(first):
            wait_until_ready(first.engine)
            assert judge(first, *good_claims()).verdict is Verdict.ALLOW


def test_a_connection_that_died_in_the_meantime_is_replaced(opa: RunningOpa) -> None:
    assert judge(opa, *good_claims()).verdict is Verdict.ALLOW
    for channel in opa.engine._idle:
        assert channel._socket is not None
        channel._socket.shutdown(socket.SHUT_RDWR)
    assert judge(opa, *good_claims()).verdict is Verdict.ALLOW


def test_a_runaway_rule_is_cut_at_the_deadline(tmp_path: Path) -> None:
    policies = with_rule(tmp_path / "policies", "rule/runaway.rego", RUNAWAY)
    with running_opa(tmp_path, generation(tmp_path, policies=policies)) as opa:
        begun = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            opa.engine.query(Stage.EVIDENCE, evidence_facts(*good_claims()).document, within(0.5))
        assert caught.value.code == "policy_engine_unavailable"
        assert time.monotonic() - begun < 10


def test_an_evaluation_error_proves_nothing(tmp_path: Path) -> None:
    broken = RUNAWAY.replace("numbers.range(1, 4000)[_] * numbers.range(1, 4000)[_] == -1", 'to_number("x") == 1')
    policies = with_rule(tmp_path / "policies", "rule/runaway.rego", broken)
    with running_opa(tmp_path, generation(tmp_path, policies=policies)) as opa:
        with pytest.raises(InvalidInput) as caught:
            opa.engine.query(Stage.EVIDENCE, evidence_facts(*good_claims()).document, within(5))
        assert caught.value.code == "policy_result_invalid"


def test_another_tenant_demands_something_else(tmp_path: Path) -> None:
    demands = with_demands(tmp_path / "rule_data.json", denied_licences=["MIT"])
    with running_opa(tmp_path, generation(tmp_path, rule_data=demands)) as opa:
        assert set(blocking(judge(opa, *good_claims()))) == {"licence.denied"}


def test_the_client_still_has_the_place_for_our_transport() -> None:
    engine_client = connect(Path("nowhere.sock"))
    assert isinstance(engine_client._session, requests.Session)
    assert list(engine_client._session.adapters) == ["http://"]
    assert engine_client._session.trust_env is False
    engine_client.close_connection()
