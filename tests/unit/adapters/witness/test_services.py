"""Logs and timestamp authorities are asked, and whatever they fail to do ends in an error of ours."""

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from assay.adapters.witness.services import ServiceWitness
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.domain.evidence import AttestationClaim, EvidenceItem, EvidenceShape, Rejection
from assay.domain.limit import Limits
from assay.formats.signing_config import Service
from assay.formats.trusted_root import TrustedPeriod, parse_trusted_root
from assay.usecases.sign import Backing, KeyEvidenceSigner, state_attestation
from assay.verification.item import verify_item
from assay.verification.root_builder import build_trust_root
from assay.verification.trust_root import TrustProfile, TrustRoot
from tests.fakes.http_server import Script, answering
from tests.fakes.oci import soon
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import IMAGE, FakeSigstore
from tests.fakes.witness import FakeServices, vouching

WORLD = FakeSigstore()
STATEMENT = state_attestation(name="app", digest=IMAGE, predicate_type="https://t", predicate={})


@pytest.fixture(scope="module")
def services() -> Iterator[FakeServices]:
    with vouching(WORLD) as found:
        yield found


def root(profile: TrustProfile) -> TrustRoot:
    return build_trust_root(parse_trusted_root(WORLD.trusted_root(), limits=Limits()), profile, "signing")


def witness(*, logs: list[Service], authorities: list[Service], deadline: Deadline | None = None) -> ServiceWitness:
    return ServiceWitness(
        logs=logs, timestamp_authorities=authorities, begin=lambda: deadline or soon(), limits=Limits()
    )


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048"])
@pytest.mark.parametrize(("version", "stamped"), [(1, False), (1, True), (2, True), (0, True)])
def test_what_they_vouch_for_verifies(services: FakeServices, kind: str, version: int, *, stamped: bool) -> None:
    logs = [services.log(version)] if version else []
    profile = TrustProfile(log_entries=len(logs), scts=0, timestamps=int(stamped))
    asked = witness(logs=logs, authorities=[services.tsa] if stamped else [])
    signer = KeyEvidenceSigner(FakeAuthority("vouched", kind), Backing(witness=asked, root=root(profile)))
    item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=signer.sign_statement(STATEMENT))
    claim = verify_item(item, subject=IMAGE, authorities=[signer.authority()], roots=signer.roots(), limits=Limits())
    assert isinstance(claim, AttestationClaim), claim
    assert len(claim.log_entries) == len(logs)


def test_an_ed25519_key_signs_envelopes_for_a_log_of_version_1_alone(services: FakeServices) -> None:
    def sign(version: int) -> object:
        asked = witness(logs=[services.log(version)], authorities=[services.tsa])
        profile = TrustProfile(log_entries=1, scts=0, timestamps=1)
        signer = KeyEvidenceSigner(FakeAuthority("vouched", "ed25519"), Backing(witness=asked, root=root(profile)))
        item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=signer.sign_statement(STATEMENT))
        return verify_item(item, subject=IMAGE, authorities=[signer.authority()], roots=signer.roots(), limits=Limits())

    assert not isinstance(sign(1), Rejection)
    with pytest.raises(AssayError) as caught:
        sign(2)
    assert caught.value.code == "key_unsupported"


def refusal(script: Script, *, deadline: Deadline | None = None, stamp: bool = False) -> AssayError:
    with answering(script):
        service = Service(url=script.url, version=1, operator="t", period=TrustedPeriod())
        asked = witness(
            logs=[] if stamp else [service],
            authorities=[service] if stamp else [],
            deadline=deadline,
        )
        signer = KeyEvidenceSigner(
            FakeAuthority(), Backing(witness=asked, root=root(TrustProfile(log_entries=1, scts=0, timestamps=0)))
        )
        with pytest.raises(AssayError) as caught:
            signer.sign_message(b"payload")
    return caught.value


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "sigstore_refused"),
        (429, "sigstore_unavailable"),
        (500, "sigstore_unavailable"),
        (302, "sigstore_unavailable"),
    ],
)
def test_a_service_that_refuses_is_told_from_one_that_fails(status: int, code: str) -> None:
    script = Script(status=status, headers={"Location": "http://127.0.0.1:1/"})
    assert refusal(script).code == code
    assert len(script.seen) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"a":{},"b":{}}', b'{"a":{"body":1}}', b"{" * 100])
def test_an_answer_that_is_no_entry_is_a_service_that_fails(body: bytes) -> None:
    assert refusal(Script(status=201, body=body)).code == "sigstore_unavailable"


def test_an_answer_without_end_is_cut_off() -> None:
    error = refusal(Script(status=201, body=b"x" * (9 * 1024 * 1024)), stamp=True)
    assert (error.code, "more than" in error.message) == ("sigstore_unavailable", True)


def test_a_slow_answer_is_left_at_the_deadline() -> None:
    passing = Deadline(at=60, clock=chain([0.0], repeat(61.0)).__next__)
    error = refusal(Script(status=200, body=b"x" * 10), deadline=passing, stamp=True)
    assert error.code == "deadline_exceeded"


def test_a_service_that_is_not_there_is_one_that_fails() -> None:
    with answering(Script()) as script:
        gone = Service(url=script.url, version=1, operator="t", period=TrustedPeriod())
    asked = witness(logs=[], authorities=[gone])
    backing = Backing(witness=asked, root=root(TrustProfile(log_entries=0, scts=0, timestamps=1)))
    with pytest.raises(AssayError) as caught:
        KeyEvidenceSigner(FakeAuthority(), backing).sign_message(b"payload")
    assert (caught.value.code, caught.value.retryable) == ("sigstore_unavailable", True)


def test_no_password_of_the_users_reaches_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login alice password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    script = Script(status=400)
    assert refusal(script).code == "sigstore_refused"
    ((_, _, headers, _),) = script.seen
    assert "authorization" not in headers
