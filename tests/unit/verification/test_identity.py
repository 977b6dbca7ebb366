"""Identities: what is read from a certificate, and what meets a pattern."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509

from assay.domain.errors import ConfigError, EvidenceRejected
from assay.domain.signer import SignerIdentity
from assay.verification.identity import CLAIMS, GithubWorkflow, IdentityPattern, SanType, read_identity
from assay.verification.text_pattern import TextPattern
from tests.fakes.certificate import FULCIO, ISSUER, WORKFLOW, FakeCertificateAuthority, Leaf
from tests.fakes.der import utf8_string

FILE = "https://github.com/acme/app/.github/workflows/release.yml"
REF = "refs/heads/main"
USER = x509.OtherName(x509.ObjectIdentifier(f"{FULCIO}.7"), utf8_string("alice"))
IDENTITY = SignerIdentity(
    issuer=ISSUER,
    san=WORKFLOW,
    san_type="uri",
    extensions={
        "source_repository_ref": REF,
        "source_repository_digest": "abc",
        "build_config_uri": f"{FILE}@{REF}",
        "build_trigger": "push",
    },
)
PATTERN = IdentityPattern(issuer=TextPattern(exact=ISSUER), san=TextPattern(exact=WORKFLOW))


def read(**changes: Any) -> SignerIdentity:
    return read_identity(FakeCertificateAuthority().issue(replace(Leaf(scts=()), **changes)))


NAMES = {
    2: "github_workflow_trigger",
    3: "github_workflow_sha",
    4: "github_workflow_name",
    5: "github_workflow_repository",
    6: "github_workflow_ref",
    9: "build_signer_uri",
    10: "build_signer_digest",
    11: "runner_environment",
    12: "source_repository_uri",
    13: "source_repository_digest",
    14: "source_repository_ref",
    15: "source_repository_identifier",
    16: "source_repository_owner_uri",
    17: "source_repository_owner_identifier",
    18: "build_config_uri",
    19: "build_config_digest",
    20: "build_trigger",
    21: "run_invocation_uri",
    22: "source_repository_visibility",
}
"""Fulcio's own table of extensions."""


def test_every_claim_is_read_under_its_name() -> None:
    identity = read(claims={8: ISSUER} | {number: f"value {number}" for number in NAMES})
    assert identity.extensions == {name: f"value {number}" for number, name in NAMES.items()}
    assert (identity.issuer, identity.san, identity.san_type) == (ISSUER, WORKFLOW, "uri")


def test_every_claim_has_the_name_that_goes_with_its_number() -> None:
    assert {int(oid.rpartition(".")[2]): name for name, (oid, _) in CLAIMS.items()} == NAMES
    assert {oid.rpartition(".")[0] for oid, _ in CLAIMS.values()} == {FULCIO}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (x509.RFC822Name("a@b.test"), ("a@b.test", "email")),
        (USER, ("alice", "other_name")),
        (x509.UniformResourceIdentifier(WORKFLOW), (WORKFLOW, "uri")),
    ],
)
def test_the_type_of_a_subject_belongs_to_it(name: x509.GeneralName, expected: tuple[str, str]) -> None:
    identity = read(san=(name,))
    assert (identity.san, identity.san_type) == expected


UNREADABLE: dict[str, dict[str, Any]] = {
    "two issuers": {"claims": {1: "https://one.test", 8: "https://two.test"}},
    "a value behind the value": {"raw": ((f"{FULCIO}.9", utf8_string("a") + b"\x00"),)},
    "a value of another type": {"raw": ((f"{FULCIO}.9", b"\x13\x01a"),)},
    "bytes that are no text": {"claims": {}, "raw": ((f"{FULCIO}.1", b"\xff"),)},
    "a value that is too long": {"claims": {8: "a" * 4097}},
    "a host": {"san": (x509.DNSName("a.test"),)},
    "two subjects": {"san": (USER, USER)},
    "no subject": {"san": ()},
    "an empty subject": {"san": (x509.UniformResourceIdentifier(""),)},
    "another kind of other name": {"san": (x509.OtherName(x509.ObjectIdentifier("1.2.3"), utf8_string("alice")),)},
}


@pytest.mark.parametrize("defect", UNREADABLE)
def test_an_identity_that_is_not_clear_is_a_mismatch(defect: str) -> None:
    with pytest.raises(EvidenceRejected) as caught:
        read(**UNREADABLE[defect])
    assert caught.value.code == "identity_mismatch"
    assert read(claims={1: ISSUER, 8: ISSUER}).issuer == ISSUER
    assert len(read(claims={8: "a" * 4096}).issuer) == 4096


def test_a_certificate_without_issuer_has_an_empty_one() -> None:
    assert read(claims={}).issuer == ""
    assert read(claims={1: ISSUER}).issuer == ISSUER


def test_a_pattern_without_issuer_demands_that_there_is_none() -> None:
    nobody = replace(PATTERN, issuer=None)
    assert not nobody.matches(IDENTITY)
    assert nobody.matches(replace(IDENTITY, issuer=""))
    assert not PATTERN.matches(replace(IDENTITY, issuer=""))


def test_issuer_and_subject_must_both_match() -> None:
    assert PATTERN.matches(IDENTITY)
    assert not PATTERN.matches(replace(IDENTITY, issuer="https://evil.test"))
    assert not PATTERN.matches(replace(IDENTITY, san=f"{WORKFLOW}x"))


def test_an_email_never_meets_a_rule_about_a_uri() -> None:
    anything = TextPattern(regex=".+", exact="")
    assert replace(PATTERN, san=anything, san_type=SanType.URI).matches(IDENTITY)
    assert not replace(PATTERN, san=anything, san_type=SanType.EMAIL).matches(IDENTITY)
    assert not PATTERN.matches(replace(IDENTITY, san_type="email"))
    assert not PATTERN.matches(replace(IDENTITY, san_type="other_name"))


def test_the_type_of_a_subject_follows_from_its_form_or_is_given() -> None:
    assert PATTERN.expected_type() is SanType.URI
    assert replace(PATTERN, san=TextPattern(glob="*@example.com")).expected_type() is SanType.EMAIL
    assert replace(PATTERN, san=TextPattern(exact="alice"), san_type=SanType.OTHER_NAME).expected_type() is (
        SanType.OTHER_NAME
    )
    with pytest.raises(ConfigError) as caught:
        IdentityPattern(issuer=None, san=TextPattern(exact="alice"))
    assert caught.value.code == "pattern_invalid"


def test_a_claim_that_is_demanded_must_be_there_and_match() -> None:
    pushed = replace(PATTERN, extensions=(("build_trigger", TextPattern(exact="push")),))
    assert pushed.matches(IDENTITY)
    assert not pushed.matches(replace(IDENTITY, extensions={"build_trigger": "schedule"}))
    assert not pushed.matches(replace(IDENTITY, extensions={}))


@pytest.mark.parametrize("names", [("unknown",), ("build_trigger", "build_trigger")])
def test_cve_2025_29778_a_claim_that_nobody_knows_is_a_mistake(names: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(PATTERN, extensions=tuple((name, TextPattern(exact="push")) for name in names))
    assert caught.value.code == "pattern_invalid"


@pytest.mark.parametrize(("version", "expected"), [(REF, True), ("abc", True), ("refs/heads/other", False)])
def test_a_github_workflow_is_the_one_that_was_started_at_the_certificates_own_version(
    version: str, *, expected: bool
) -> None:
    pattern = replace(PATTERN, github=GithubWorkflow(repository="acme/app", workflow="release.yml"))
    claims = dict(IDENTITY.extensions) | {"build_config_uri": f"{FILE}@{version}"}
    assert pattern.matches(replace(IDENTITY, extensions=claims)) is expected
    assert not pattern.matches(replace(IDENTITY, extensions={"build_config_uri": f"{FILE}@"}))
    assert not pattern.matches(replace(IDENTITY, extensions={"build_config_uri": f"{FILE}@None"}))
    assert not pattern.matches(replace(IDENTITY, extensions={}))


@pytest.mark.parametrize(
    ("repository", "workflow"), [("acme", "a.yml"), ("acme/app/x", "a.yml"), ("acme/app", "a/b.yml")]
)
def test_a_github_workflow_needs_a_repository_and_a_file(repository: str, workflow: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GithubWorkflow(repository=repository, workflow=workflow)
    assert caught.value.code == "pattern_invalid"


def test_equal_documents_mean_equal_rules() -> None:
    github = GithubWorkflow(repository="acme/app", workflow="release.yml")
    pushed = replace(PATTERN, extensions=(("build_trigger", TextPattern(exact="push")),))
    documents = [PATTERN, replace(PATTERN, issuer=None), replace(PATTERN, github=github), pushed]
    assert len({str(pattern.document()) for pattern in documents}) == len(documents)
    assert PATTERN.document() == replace(PATTERN, san_type=SanType.URI).document()


def test_a_document_has_everything_that_is_demanded() -> None:
    github = GithubWorkflow(repository="acme/app", workflow="release.yml")
    later, earlier = (("runner_environment", TextPattern(exact="a")), ("build_trigger", TextPattern(glob="p*")))
    document = replace(PATTERN, github=github, extensions=(later, earlier)).document()
    assert document == {
        "issuer": {"exact": ISSUER},
        "san": {"exact": WORKFLOW},
        "san_type": "uri",
        "extensions": {"build_trigger": {"glob": "p*"}, "runner_environment": {"exact": "a"}},
        "github": ["acme/app", "release.yml"],
    }
    assert str(document).index("build_trigger") < str(document).index("runner_environment")


def test_warnings_come_from_every_pattern() -> None:
    wide = TextPattern(regex="https://a\\.test/.*")
    pattern = IdentityPattern(issuer=wide, san=wide, extensions=(("build_signer_uri", wide),))
    assert len(pattern.find_warnings()) == 3
    assert len(replace(pattern, issuer=None).find_warnings()) == 2
    assert PATTERN.find_warnings() == ()
