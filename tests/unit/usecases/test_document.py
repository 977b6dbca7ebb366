"""The closed documents."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from assay.domain.admission import AdmissionQuestion, PodFacts
from assay.domain.decision import DecisionKind, Stage, StageVerdict, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import Claim, Gap, GapKind, Rejection
from assay.domain.platform import Platform
from assay.domain.reason import GapReason
from assay.domain.reference import Reference
from assay.usecases.document import EvidenceFacts, JudgedImage, RequestFacts, canonical, request_document
from tests.fakes.policy import (
    CYCLONEDX_TYPE,
    ENVIRONMENT,
    IDENTITY,
    IMAGE,
    NOW,
    PROVENANCE_TYPE,
    SPDX_TYPE,
    TENANT,
    attestation_claim,
    evidence_facts,
    good_claims,
    provenance_predicate,
    signature_claim,
    spdx_predicate,
)

SCHEMAS = Path(__file__).parents[3] / "policies" / "schema"
REJECTED = Rejection(id=Digest.of(b"junk"), code="signature_invalid", detail="no key")
OUTAGE = Gap(kind=GapKind.SBOM, reason=GapReason.FETCH_ERROR, code="registry_unavailable")


def problems(document: object, schema: str) -> list[str]:
    validator = Draft202012Validator(json.loads((SCHEMAS / schema).read_text(encoding="utf-8")))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def gap_codes(facts: EvidenceFacts, kind: GapKind) -> list[str]:
    return [gap.code for gap in facts.gaps if gap.kind is kind]


@pytest.mark.parametrize("claims", [(), good_claims()], ids=["nothing", "everything"])
def test_the_evidence_document_has_the_shape_of_its_schema(claims: tuple[Claim, ...]) -> None:
    facts = evidence_facts(*claims, gaps=(OUTAGE,), rejected=(REJECTED,))
    assert problems(facts.document, "assay.input.v1.json") == []


def test_the_document_of_a_platform_names_its_indexes_and_fits_its_schema() -> None:
    longest = Platform(os="o" * 32, architecture="a" * 32, variant="v" * 32)
    label = f"{longest} or {longest} or {longest} ({IMAGE.hex[:12]})"
    outer = Digest.of(b"index")
    facts = evidence_facts(signature_claim(bound_to=outer), gaps=(OUTAGE,), platform=label, indexes=(outer,))
    assert problems(facts.document, "assay.input.v1.json") == []
    document = json.loads(canonical(facts.document))
    assert document["image"]["indexes"] == [outer.text]
    assert [item["bound_to"] for item in document["signatures"]] == [outer.text]
    named = {gap["platform"] for gap in document["gaps"] if gap["code"] != "not_collected"}
    assert (named, {gap.platform for gap in facts.gaps}) == ({label}, {label, ""})


def test_that_nobody_signed_the_index_is_told_only_where_nothing_else_is_there() -> None:
    unsigned = tuple(
        Gap(kind=kind, reason=GapReason.UNTRUSTED_SIGNER, code="attestation_unsigned")
        for kind in (GapKind.SBOM, GapKind.PROVENANCE)
    )
    facts = evidence_facts(attestation_claim(PROVENANCE_TYPE, provenance_predicate()), gaps=unsigned)
    assert gap_codes(facts, GapKind.SBOM) == ["attestation_unsigned"]
    assert gap_codes(facts, GapKind.PROVENANCE) == []


def test_the_same_facts_give_the_same_bytes_in_any_order() -> None:
    forth = evidence_facts(*good_claims(), rejected=(REJECTED,))
    back = evidence_facts(*reversed(good_claims()), rejected=(REJECTED,))
    assert canonical(forth.document) == canonical(back.document)


def test_what_depends_on_the_request_is_empty_in_the_evidence_stage() -> None:
    document = json.loads(canonical(evidence_facts(*good_claims()).document))
    assert (document["image"]["ref"], document["image"]["tag"], document["image"]["digest"]) == ("", "", IMAGE.text)
    assert document["request"] == {"tenant": TENANT, "environment": ENVIRONMENT}


def test_image_facts_come_from_the_configuration() -> None:
    image = json.loads(canonical(evidence_facts().document))["image"]
    assert image["platforms"] == [{"os": "linux", "arch": "amd64", "variant": "", "digest": IMAGE.text}]
    assert image["config"]["labels"] == {"a": "1", "b": "2"}


def test_an_unknown_configuration_is_a_gap() -> None:
    facts = evidence_facts(config=None)
    assert gap_codes(facts, GapKind.CONFIG) == ["absent"]
    assert gap_codes(evidence_facts(), GapKind.CONFIG) == []
    known = Gap(kind=GapKind.CONFIG, reason=GapReason.PARSE_ERROR, code="config_malformed")
    assert gap_codes(evidence_facts(config=None, gaps=(known,)), GapKind.CONFIG) == ["config_malformed"]


@pytest.mark.parametrize("kind", [GapKind.SIGNATURE, GapKind.PROVENANCE, GapKind.SBOM])
def test_what_was_never_there_is_absent_and_what_was_rejected_is_all_rejected(kind: GapKind) -> None:
    assert gap_codes(evidence_facts(), kind) == ["absent"]
    assert gap_codes(evidence_facts(rejected=(REJECTED,)), kind) == ["all_rejected"]
    assert gap_codes(evidence_facts(*good_claims(), rejected=(REJECTED,)), kind) == []


def test_an_outage_is_not_absence() -> None:
    assert gap_codes(evidence_facts(gaps=(OUTAGE,)), GapKind.SBOM) == ["registry_unavailable"]


def test_what_nobody_collects_is_a_gap() -> None:
    facts = evidence_facts(*good_claims())
    assert {gap.kind for gap in facts.gaps} == {gap.kind for gap in facts.gaps if gap.code == "not_collected"}
    assert len(facts.gaps) == 13


@pytest.mark.parametrize(
    ("predicate_type", "kind", "gap", "rejection"),
    [
        (SPDX_TYPE, GapKind.SBOM, "sbom_malformed", "bundle_malformed"),
        (CYCLONEDX_TYPE, GapKind.SBOM, "sbom_malformed", "bundle_malformed"),
        (PROVENANCE_TYPE, GapKind.PROVENANCE, "provenance_malformed", "bundle_malformed"),
        ("https://slsa.dev/provenance/v0.2", GapKind.PROVENANCE, "provenance_unsupported", "bundle_unsupported"),
    ],
)
def test_an_unreadable_predicate_is_a_gap_and_a_rejection(
    predicate_type: str, kind: GapKind, gap: str, rejection: str
) -> None:
    claim = attestation_claim(predicate_type, {})
    facts = evidence_facts(*good_claims(), claim)
    assert gap_codes(facts, kind) == [gap]
    assert [(item.id, item.code) for item in facts.rejected] == [(claim.item, rejection)]
    assert problems(facts.document, "assay.input.v1.json") == []


def test_a_predicate_beyond_the_limit_is_a_gap_and_a_rejection() -> None:
    claim = attestation_claim(SPDX_TYPE, spdx_predicate(*["MIT"] * 101))
    facts = evidence_facts(claim)
    assert gap_codes(facts, GapKind.SBOM) == ["evidence_limit"]
    assert [item.code for item in facts.rejected] == ["evidence_limit"]


def test_the_packages_of_all_sboms_together_have_a_limit() -> None:
    halves = [attestation_claim(SPDX_TYPE, spdx_predicate(*[licence] * 50)) for licence in ("MIT", "ISC")]
    assert gap_codes(evidence_facts(*halves), GapKind.SBOM) == []
    one_more = attestation_claim(SPDX_TYPE, spdx_predicate("Zlib"))
    assert gap_codes(evidence_facts(*halves, one_more), GapKind.SBOM) == ["evidence_limit"]


def test_a_predicate_type_without_a_table_is_only_listed() -> None:
    facts = evidence_facts(*good_claims(), attestation_claim("https://example.com/other/v1", {"a": 1}))
    document = json.loads(canonical(facts.document))
    assert len(document["attestations"]) == 3
    assert "https://example.com/other/v1" in {item["predicate_type"] for item in document["attestations"]}
    assert facts.rejected == ()


def test_each_expression_is_judged_once_and_lists_its_packages() -> None:
    (sbom,) = json.loads(canonical(evidence_facts(*good_claims()).document))["sbom"]
    assert [(item["expression"], item["packages"]) for item in sbom["licences"]] == [
        ("MIT", [0, 2]),
        ("GPL-3.0-only OR MIT", [1]),
    ]
    assert sbom["quality"] == {
        "packages": 3,
        "with_purl": 3,
        "with_version": 3,
        "with_licence": 3,
        "relationships": 0,
    }


def test_tables_point_back_to_the_attestation_that_said_so() -> None:
    document = json.loads(canonical(evidence_facts(*good_claims()).document))
    (provenance,) = document["provenance"]
    attestation = document["attestations"][provenance["attestation"]]
    assert attestation["predicate_type"] == PROVENANCE_TYPE
    assert attestation["trust"] == ["release"]


def test_the_source_commit_is_the_one_all_provenance_agrees_on() -> None:
    one = attestation_claim(PROVENANCE_TYPE, provenance_predicate(commit="c0" * 20))
    other = attestation_claim(PROVENANCE_TYPE, provenance_predicate(commit="c1" * 20))
    assert evidence_facts(one).source_commit == "c0" * 20
    assert evidence_facts(one, other).source_commit == ""
    assert evidence_facts(signature_claim()).source_commit == ""


def test_a_source_may_be_named_by_digest_or_not_at_all() -> None:
    named = provenance_predicate()
    dependency = {"name": "source", "uri": "pkg:golang/example", "digest": {"sha256": "ab" * 32}}
    definition = dict(named["buildDefinition"], resolvedDependencies=[dependency])  # type: ignore[call-overload]
    by_digest = attestation_claim(PROVENANCE_TYPE, {**named, "buildDefinition": definition})
    none = attestation_claim(PROVENANCE_TYPE, provenance_predicate(uri="https://example.com"))
    for claim, digest in ((by_digest, "sha256:" + "ab" * 32), (none, "")):
        (entry,) = json.loads(canonical(evidence_facts(claim).document))["provenance"]
        assert entry["source"]["digest"] == digest


def judged(key: str, verdict: Verdict = Verdict.ALLOW, digest: Digest | None = IMAGE) -> JudgedImage:
    return JudgedImage(
        key=key,
        reference=Reference.parse("registry.example/team-a/app:1"),
        digest=digest,
        verdict=StageVerdict(stage=Stage.EVIDENCE, verdict=verdict),
    )


def requested(*images: JudgedImage, facts: RequestFacts | None = None) -> dict[str, object]:
    return dict(
        request_document(
            request=facts or RequestFacts(operation="publish"),
            tenant=TENANT,
            environment=ENVIRONMENT,
            kind=DecisionKind.ADMISSION,
            policy=IDENTITY,
            since=NOW,
            images=images,
        )
    )


def test_the_request_document_has_the_shape_of_its_schema() -> None:
    document = requested(judged("a"), judged("b", Verdict.DENY, None))
    assert problems(document, "assay.request.v1.json") == []
    assert problems(requested(), "assay.request.v1.json")


def test_an_admission_request_is_carried_over() -> None:
    question = AdmissionQuestion(
        uid="u-1",
        operation="CREATE",
        namespace="shop",
        kind="Pod",
        name="web",
        user="alice",
        service_account="default",
        dry_run=True,
        labels=(("app", "web"),),
        references=(Reference.parse("registry.example/team-a/app:1"),),
        groups=("system:authenticated",),
        pods=(PodFacts(host_namespaces=("network",), root=True, seccomp=("",)),),
    )
    document = requested(judged("a"), facts=RequestFacts.of_admission(question, namespace_labels=(("team", "a"),)))
    assert problems(document, "assay.request.v1.json") == []
    request = document["request"]
    assert isinstance(request, dict)
    assert request["actor"] == {
        "type": "kubernetes",
        "issuer": "",
        "subject": "alice",
        "groups": ["system:authenticated"],
    }
    assert (request["k8s"]["labels"], request["k8s"]["namespace_labels"]) == ({"app": "web"}, {"team": "a"})
    assert request["k8s"]["pods"][0]["host_namespaces"] == ["network"]


def test_what_differs_between_pods_of_one_workload_is_not_in_the_request_document() -> None:
    question = AdmissionQuestion(
        uid="u-1",
        operation="CREATE",
        namespace="shop",
        kind="Pod",
        name="web-1",
        user="alice",
        service_account="default",
        dry_run=False,
        labels=(),
        references=(Reference.parse("registry.example/team-a/app:1"),),
    )
    other = replace(question, uid="u-2", name="web-2", dry_run=True)
    first, second = (RequestFacts.of_admission(asked, namespace_labels=()) for asked in (question, other))

    assert requested(judged("a"), facts=first) == requested(judged("a"), facts=second)


def test_an_image_that_runs_already_says_so_instead_of_a_verdict() -> None:
    document = requested(replace(judged("a"), runs_already=True), judged("b"))

    assert problems(document, "assay.request.v1.json") == []
    images: Any = document["images"]
    assert [image["verdict"] for image in images] == ["runs_already", "allow"]


def test_an_image_whose_listing_is_stale_says_how_old_it_is() -> None:
    document = requested(replace(judged("a"), stale_seconds=70), judged("b"))

    assert problems(document, "assay.request.v1.json") == []
    images: Any = document["images"]
    assert [image["stale_seconds"] for image in images] == [70, 0]


def test_two_images_with_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="a key of its own"):
        requested(judged("a"), judged("a"))


@pytest.mark.parametrize("value", [2**53, "\ud800"])
def test_what_has_no_canonical_form_cannot_be_judged(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        canonical({"value": value})
    assert caught.value.code == "policy_input_invalid"
    assert canonical({"value": 2**53 - 1})
