"""Each piece of trust that real evidence stands on, taken away in turn: refused with its code, and by cosign too."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.transparency import Json
from tests.fakes.trusted_root import ALWAYS, Span
from tests.fixtures.signed_images import JOB, MANNERS, REF, Signatory, Trust, verify_file, verify_image
from tests.fixtures.trust_flaws import CERTIFIED, FLAWS, Flaw, remove_log

pytestmark = pytest.mark.tools

HOUR = timedelta(hours=1)
WRONG = [(flaw, manner) for flaw, found in FLAWS.items() if found.change for manner in found.manners]
CLOSED = [(flaw, manner) for flaw, found in FLAWS.items() if found.closed for manner in found.manners]


def check_refused(signatory: Signatory, host: str, name: str, flaw: Flaw, root: Path) -> None:
    """Assay refuses everything with the code of the flaw, and cosign refuses where it looks."""
    manner, image = MANNERS[name], signatory.image(name, host)
    trust = signatory.trust(manner, root)
    status, report = verify_image(image, trust, manner.profile, root.parent)
    assert (status, report["claims"]) == (1, [])
    assert [item["code"] for item in report["rejected"]] == [flaw.code] * (1 + manner.attests)
    refused = signatory.cosign.run("verify", *trust.for_cosign(), *manner.indulgence, image).returncode != 0
    assert refused is flaw.refused_by_cosign(manner)


@pytest.mark.parametrize(("flaw", "name"), WRONG)
def test_evidence_without_a_piece_of_its_trust_is_refused(
    signatory: Signatory, referrers_host: str, flaw: str, name: str
) -> None:
    root = FLAWS[flaw].spoil(signatory.sigstore, ALWAYS)
    check_refused(signatory, referrers_host, name, FLAWS[flaw], root)


@pytest.mark.parametrize("window", ["ended", "later"])
@pytest.mark.parametrize(("flaw", "name"), CLOSED)
def test_evidence_outside_of_a_window_is_refused(
    signatory: Signatory, referrers_host: str, flaw: str, name: str, window: str
) -> None:
    now = datetime.now(UTC)
    span: Span = (now - 10 * HOUR, now - HOUR) if window == "ended" else (now + HOUR, None)
    check_refused(signatory, referrers_host, name, FLAWS[flaw], FLAWS[flaw].spoil(signatory.sigstore, span))


@pytest.mark.parametrize("name", MANNERS)
def test_a_trust_root_without_what_evidence_does_not_use_is_enough(
    signatory: Signatory, referrers_host: str, name: str
) -> None:
    manner, image = MANNERS[name], signatory.image(name, referrers_host)
    unused = {"tiles": "rekor.test", "rekor": "log2026.rekor.test"}.get(manner.log, "rekor.test")

    def cut(root: Json) -> None:
        remove_log(unused)(signatory.sigstore.world, root)
        if "tsa" not in manner.services:
            root["timestampAuthorities"].clear()
        if not manner.profile["scts"]:
            root["ctlogs"].clear()

    trust = signatory.trust(manner, signatory.sigstore.trusted_root(edit=cut))
    status, report = verify_image(image, trust, manner.profile, trust.root.parent)
    assert (status, report["rejected"]) == (0, [])
    signatory.cosign.accept("verify", *trust.for_cosign(), *manner.indulgence, image)


def test_the_address_of_a_tiled_log_is_no_part_of_its_name(signatory: Signatory, referrers_host: str) -> None:
    manner, image = MANNERS["rekor v2"], signatory.image("rekor v2", referrers_host)

    def move(root: Json) -> None:
        for log in root["tlogs"]:
            log["baseUrl"] = log["baseUrl"].replace("log2026.", "moved.")

    trust = signatory.trust(manner, signatory.sigstore.trusted_root(edit=move))
    assert verify_image(image, trust, manner.profile, trust.root.parent)[0] == 0
    # Cosign takes the origin from the address; the log's id binds it already.
    assert "note has no verifiable signatures" in signatory.cosign.run("verify", *trust.for_cosign(), image).stderr


@pytest.mark.parametrize("name", CERTIFIED)
@pytest.mark.parametrize("other", ["identity", "issuer"])
def test_another_identity_or_issuer_is_refused(
    signatory: Signatory, referrers_host: str, name: str, other: str
) -> None:
    manner, image = MANNERS[name], signatory.image(name, referrers_host)
    trust = signatory.trust(manner)
    identity = trust.identity.replace("alice", "bob").replace(REF, "refs/heads/develop")
    changed = replace(trust, identity=identity) if other == "identity" else replace(trust, issuer="https://other.test")
    status, report = verify_image(image, changed, manner.profile, trust.root.parent)
    assert (status, {item["code"] for item in report["rejected"]}) == (1, {"identity_mismatch"})
    assert signatory.cosign.run("verify", *changed.for_cosign(), *manner.indulgence, image).returncode != 0


CONDITIONS: dict[str, tuple[object, object]] = {
    "build_trigger": ("push", "workflow_dispatch"),
    "source_repository_uri": ("https://github.com/acme/app", "https://github.com/acme/apps"),
    "source_repository_ref": (REF, "refs/heads/develop"),
    "runner_environment": ("self-hosted", "github-hosted"),
    "source_repository_visibility": ("private", "public"),
    "build_config_uri": (JOB, {"glob": "https://github.com/acme/*"}),
    "github_workflow_repository": ("acme/app", {"regex": "acme/ap"}),
}


@pytest.mark.parametrize("claim", CONDITIONS)
def test_a_job_must_meet_every_claim(signatory: Signatory, referrers_host: str, claim: str) -> None:
    right, wrong = CONDITIONS[claim]
    assert judge_job(signatory, referrers_host, {"extensions": {claim: right}}) == (0, set())
    assert judge_job(signatory, referrers_host, {"extensions": {claim: wrong}}) == (1, {"identity_mismatch"})


@pytest.mark.parametrize("wrong", [{"repository": "acme/apps"}, {"workflow": "other.yml"}])
def test_a_job_must_be_of_the_workflow(signatory: Signatory, referrers_host: str, wrong: Json) -> None:
    right = {"repository": "acme/app", "workflow": "release.yml"}
    assert judge_job(signatory, referrers_host, {"github_workflow": right}) == (0, set())
    assert judge_job(signatory, referrers_host, {"github_workflow": right | wrong}) == (1, {"identity_mismatch"})


@pytest.mark.parametrize(("ref", "status"), [(REF, 0), ("refs/heads/develop", 1)])
def test_cosign_judges_the_ref_of_a_job_alike(signatory: Signatory, referrers_host: str, ref: str, status: int) -> None:
    image, trust = signatory.image("job", referrers_host), signatory.trust(MANNERS["job"])
    conditions = {"extensions": {"github_workflow_ref": ref}}
    assert judge_job(signatory, referrers_host, conditions)[0] == status
    options = [*trust.for_cosign(), "--certificate-github-workflow-ref", ref]
    assert signatory.cosign.run("verify", *options, image).returncode == status


def judge_job(signatory: Signatory, host: str, conditions: Json) -> tuple[int, set[str]]:
    """Exit status and codes for what the job signed, under further conditions."""
    manner = MANNERS["job"]
    trust = replace(signatory.trust(manner), conditions=conditions)
    status, report = verify_image(signatory.image("job", host), trust, manner.profile, trust.root.parent)
    return status, {item["code"] for item in report["rejected"]}


STRICTER = [
    (name, service, "sct_missing" if service == "scts" else "trust_profile_unmet")
    for name, manner in MANNERS.items()
    for service in ("log_entries", "timestamps", *(["scts"] if manner.signer != "key" else []))
]


@pytest.mark.parametrize(("name", "service", "code"), STRICTER)
def test_a_profile_that_demands_one_more_is_not_met(
    signatory: Signatory, referrers_host: str, name: str, service: str, code: str
) -> None:
    manner, image = MANNERS[name], signatory.image(name, referrers_host)
    trust = signatory.trust(manner)
    stricter = {**manner.profile, service: manner.profile[service] + 1}
    status, report = verify_image(image, trust, stricter, trust.root.parent)
    assert (status, {item["code"] for item in report["rejected"]}) == (1, {code})
    assert verify_image(image, trust, manner.profile, trust.root.parent)[0] == 0


KEYED = [name for name, manner in MANNERS.items() if manner.signer == "key"]


@pytest.mark.parametrize("name", KEYED)
def test_what_a_key_signed_and_a_log_holds_needs_that_key(signatory: Signatory, referrers_host: str, name: str) -> None:
    manner, image = MANNERS[name], signatory.image(name, referrers_host)
    trust = signatory.trust(manner)
    other = replace(trust, key=signatory.other_public_key)
    identity = Trust(root=trust.root, issuer=signatory.sigstore.people)
    for wrong, code in ((other, "signature_invalid"), (identity, "identity_mismatch")):
        status, report = verify_image(image, wrong, manner.profile, trust.root.parent)
        assert (status, {item["code"] for item in report["rejected"]}) == (1, {code})
        assert signatory.cosign.run("verify", *wrong.for_cosign(), *manner.indulgence, image).returncode != 0


@pytest.mark.parametrize("name", CERTIFIED)
def test_a_key_does_not_stand_for_a_certificate(signatory: Signatory, referrers_host: str, name: str) -> None:
    manner, image = MANNERS[name], signatory.image(name, referrers_host)
    trust = replace(signatory.trust(manner), key=signatory.public_key)
    status, report = verify_image(image, trust, {**manner.profile, "scts": 0}, trust.root.parent)
    assert (status, {item["code"] for item in report["rejected"]}) == (1, {"identity_mismatch"})
    assert signatory.cosign.run("verify", *trust.for_cosign(), *manner.indulgence, image).returncode != 0


@pytest.mark.parametrize("name", ["rekor v2", "rekor v1"])
def test_a_trust_root_that_knows_no_ct_log_demands_no_sct_unless_a_profile_does(
    signatory: Signatory, referrers_host: str, name: str
) -> None:
    manner, image = MANNERS[name], signatory.image(name, referrers_host)
    file, bundle = signatory.bundle(name)
    trust = signatory.trust(manner, FLAWS["no CT key"].spoil(signatory.sigstore, ALWAYS))
    assert verify_file(file, bundle, trust)[0] == 0
    assert verify_image(image, trust, manner.profile, trust.root.parent)[0] == 1
    options = ["--bundle", str(bundle), *trust.for_cosign()]
    assert signatory.cosign.run("verify-blob", *options, str(file)).returncode != 0
    signatory.cosign.accept("verify-blob", *options, "--insecure-ignore-sct", str(file))


FILES = [(flaw, name) for flaw, name in WRONG if not MANNERS[name].legacy and flaw != "no CT key"]


@pytest.mark.parametrize(("flaw", "name"), FILES)
def test_a_signed_file_without_a_piece_of_its_trust_is_refused(signatory: Signatory, flaw: str, name: str) -> None:
    manner, found = MANNERS[name], FLAWS[flaw]
    file, bundle = signatory.bundle(name)
    world, change = signatory.sigstore.world, found.change
    assert change is not None

    def spoil(root: Json) -> None:
        manner.leave_only_what_it_uses(root)
        change(world, root)

    trust = signatory.trust(manner, signatory.sigstore.trusted_root(edit=spoil))
    status, report = verify_file(file, bundle, trust)
    assert (status, report["rejected"]["code"]) == (1, found.code)
    options = ["--bundle", str(bundle), *trust.for_cosign(), *manner.indulgence]
    assert (signatory.cosign.run("verify-blob", *options, str(file)).returncode != 0) is found.refused_by_cosign(manner)
