"""The steps of a rotation, and what is said of the certificate that serves."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import ConfigError
from assay_webhooks.certificate import CertificateFiles
from assay_webhooks.rotation import (
    CertificateState,
    Step,
    inspect_certificates,
    make_certificates,
    take_step,
)
from tests.fakes.certificate import NOW

NAMES = ("webhook.assay.svc", "127.0.0.1")
LIFE = timedelta(days=30)
STATE = make_certificates(NAMES, NOW, LIFE)
LATER = NOW + timedelta(days=20)


def taken(*steps: Step) -> CertificateState:
    state = STATE
    for step in steps:
        state = take_step(state, step, LATER)
    return state


def vouches(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether an authority has issued a certificate; their names do not tell."""
    try:
        certificate.verify_directly_issued_by(authority)
    except InvalidSignature:
        return False
    return True


def is_trusted(certificate_pem: bytes, bundle_pem: bytes) -> bool:
    """Whether the bundle vouches for the certificate."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return any(vouches(authority, certificate) for authority in x509.load_pem_x509_certificates(bundle_pem))


def test_at_every_step_the_api_server_trusts_what_serves_and_what_will_serve() -> None:
    staged, switched, finished = taken(Step.STAGE), taken(Step.STAGE, Step.SWITCH), taken(*Step)
    assert is_trusted(STATE.serving.certificate_pem, staged.bundle_pem)
    assert staged.staged is not None
    assert is_trusted(staged.staged.certificate_pem, staged.bundle_pem)
    assert switched.bundle_pem.count(b"BEGIN CERTIFICATE") == 2
    assert is_trusted(switched.serving.certificate_pem, switched.bundle_pem)
    assert finished.bundle_pem.count(b"BEGIN CERTIFICATE") == 1
    assert is_trusted(finished.serving.certificate_pem, finished.bundle_pem)
    assert not is_trusted(STATE.serving.certificate_pem, finished.bundle_pem)


def test_the_next_certificate_has_the_same_names_and_life() -> None:
    before, after = inspect_certificates(STATE, NOW), inspect_certificates(taken(*Step), LATER)
    assert after.names == before.names == NAMES
    assert after.ends == before.ends + timedelta(days=20)


@pytest.mark.parametrize("steps", [[Step.STAGE], [Step.STAGE, Step.SWITCH], list(Step)])
def test_a_step_that_was_taken_changes_nothing(steps: list[Step]) -> None:
    state = taken(*steps)
    assert take_step(state, steps[-1], LATER) == state


def test_a_stage_that_was_interrupted_before_the_bundle_goes_on_with_the_same_certificate() -> None:
    staged = taken(Step.STAGE)
    interrupted = replace(staged, bundle_pem=STATE.bundle_pem)
    assert take_step(interrupted, Step.STAGE, LATER) == staged
    with pytest.raises(ConfigError) as caught:
        take_step(interrupted, Step.SWITCH, LATER)
    assert caught.value.code == "rotation_out_of_order"


@pytest.mark.parametrize("steps", [[Step.SWITCH], [Step.STAGE, Step.FINISH]])
def test_a_step_before_its_time_is_refused(steps: list[Step]) -> None:
    with pytest.raises(ConfigError) as caught:
        taken(*steps)
    assert caught.value.code == "rotation_out_of_order"


@given(st.lists(st.sampled_from(Step), max_size=8))
def test_no_order_of_steps_serves_what_the_bundle_does_not_vouch_for(steps: list[Step]) -> None:
    state = STATE
    for step in steps:
        try:
            state = take_step(state, step, LATER)
        except ConfigError as error:
            assert error.code == "rotation_out_of_order"  # noqa: PT017  # most orders are refused somewhere
        assert is_trusted(state.serving.certificate_pem, state.bundle_pem)


def test_renewal_is_due_after_two_thirds_of_a_life() -> None:
    report = inspect_certificates(STATE, NOW)
    assert report.problems == ()
    assert inspect_certificates(STATE, report.renew_at - timedelta(seconds=1)).problems == ()
    (problem,) = inspect_certificates(STATE, report.renew_at).problems
    assert problem.startswith("renewal is due")


OTHER = make_certificates(NAMES, NOW, LIFE)


@pytest.mark.parametrize(
    ("state", "now", "problem"),
    [
        (STATE, NOW - timedelta(days=1), "it is not valid yet"),
        (STATE, NOW + LIFE + timedelta(seconds=1), "it has ended"),
        (replace(STATE, bundle_pem=OTHER.bundle_pem), NOW, "no authority of ca.crt has issued the certificate"),
        (
            replace(STATE, serving=replace(STATE.serving, key_pem=OTHER.serving.key_pem)),
            NOW,
            "the key is not that of the certificate",
        ),
    ],
)
def test_each_defect_has_its_problem(state: CertificateState, now: datetime, problem: str) -> None:
    assert problem in inspect_certificates(state, now).problems


@pytest.mark.parametrize(
    "state",
    [
        replace(STATE, serving=replace(STATE.serving, certificate_pem=b"nothing")),
        replace(STATE, serving=replace(STATE.serving, key_pem=b"nothing")),
        replace(STATE, bundle_pem=b"nothing"),
        replace(STATE, serving=replace(STATE.serving, certificate_pem=STATE.bundle_pem)),
    ],
)
def test_what_cannot_be_read_is_refused(state: CertificateState) -> None:
    with pytest.raises(ConfigError) as caught:
        inspect_certificates(state, NOW)
    assert caught.value.code == "certificate_unreadable"


def foreign(name: str, life: timedelta) -> CertificateState:
    """A certificate of somebody else's making, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "foreign")])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, NOW, NOW + life)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = CertificateFiles(ca_pem=pem, certificate_pem=pem, key_pem=key_pem)
    return CertificateState(bundle_pem=pem, serving=files)


def test_a_certificate_with_a_name_that_we_would_not_issue_is_not_rotated() -> None:
    assert take_step(foreign("a.svc", LIFE), Step.STAGE, NOW).staged is not None
    with pytest.raises(ConfigError) as caught:
        take_step(foreign("*.svc", LIFE), Step.STAGE, NOW)
    assert caught.value.code == "certificate_unreadable"


def test_a_certificate_that_no_authority_of_the_bundle_issued_is_not_finished() -> None:
    with pytest.raises(ConfigError) as caught:
        take_step(replace(STATE, bundle_pem=OTHER.bundle_pem), Step.FINISH, NOW)
    assert caught.value.code == "certificate_unreadable"


def test_a_life_longer_than_allowed_is_a_problem() -> None:
    longest, longer = (foreign("a.svc", timedelta(days=days)) for days in (90, 91))
    assert inspect_certificates(longest, NOW).problems == ()
    assert inspect_certificates(longer, NOW).problems == ("it lives for more than 90 days",)
