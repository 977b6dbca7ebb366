"""The three clouds: what they sign verifies, what they answer wrongly is refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from botocore.session import Session
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from assay.adapters.kms.aws import AwsKeyService
from assay.adapters.kms.azure import AzureKeyService
from assay.adapters.kms.gcp import GcpKeyService
from assay.adapters.kms.key import KeyService
from assay.adapters.kms.signer import KmsSigner
from assay.domain.errors import AssayError
from assay.domain.key_uri import AwsKey, AzureKey, GcpKey
from assay.usecases.checked_signer import CheckedSigner
from tests.fakes.clock import FrozenClock
from tests.fakes.json_server import serving
from tests.fakes.key_service import (
    ACCESS_KEY,
    REGION,
    SECRET_KEY,
    TOKEN,
    FakeAws,
    FakeAzure,
    FakeCloud,
    FakeGcp,
    spki,
)

P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
CLOUDS: tuple[type[FakeCloud], ...] = (FakeAws, FakeGcp, FakeAzure)
OFF_CURVE = {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}
every_cloud = pytest.mark.parametrize("kind", CLOUDS)


@dataclass
class Reached:
    """A cloud that was reached, and the one key there."""

    cloud: FakeCloud
    service: KeyService

    def signer(self) -> CheckedSigner:
        return CheckedSigner(KmsSigner(self.service, clock=FrozenClock().monotonic))

    def refusal(self, act: Callable[[CheckedSigner], object] = lambda signer: signer.sign(b"m")) -> str:
        with pytest.raises(AssayError) as caught:
            act(self.signer())
        assert TOKEN not in str(caught.value)
        assert SECRET_KEY not in str(caught.value)
        return caught.value.code


def aws_session() -> Session:
    session = Session()
    session.set_credentials(ACCESS_KEY, SECRET_KEY)
    return session


@contextmanager
def reach(cloud: FakeCloud, name: str = "", token: str = TOKEN) -> Iterator[Reached]:
    with serving(cloud) as address:
        service: KeyService
        match cloud:
            case FakeAws():
                uri = AwsKey(key=name or "alias/release")
                host = address.removeprefix("http://")
                service = AwsKeyService(uri, host=host, region=REGION, session=aws_session())
            case FakeGcp():
                gcp = GcpKey(name=name or FakeGcp.name)
                service = GcpKeyService(gcp, tokens=lambda: token, address=address)
            case _:
                azure = AzureKey(host="vault.test", key=name or "release")
                service = AzureKeyService(azure, tokens=lambda: token, address=address)
        yield Reached(cloud, service)


@every_cloud
def test_what_a_cloud_signs_verifies_and_the_key_is_fetched_once(kind: type[FakeCloud]) -> None:
    with reach(kind(P256)) as reached:
        signer = reached.signer()
        assert signer.public_key().spki == spki(P256)
        assert signer.sign(b"message")
        asked = len(reached.cloud.calls)
        assert signer.sign(b"another")
        assert len(reached.cloud.calls) == asked + 1


@pytest.mark.parametrize(
    ("kind", "attribute", "name", "key"),
    [
        (FakeAws, "algorithms", ("ECDSA_SHA_384",), P384),
        (FakeAws, "algorithms", ("RSASSA_PKCS1_V1_5_SHA_256",), RSA),
        (FakeGcp, "algorithm", "EC_SIGN_P384_SHA384", P384),
        (FakeGcp, "algorithm", "RSA_SIGN_PKCS1_2048_SHA256", RSA),
        (FakeAzure, "operations", ("sign",), P384),
        (FakeAzure, "operations", ("sign",), RSA),
    ],
)
def test_other_kinds_of_keys_sign_too(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[FakeCloud],
    attribute: str,
    name: object,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
) -> None:
    monkeypatch.setattr(kind, attribute, name)
    with reach(kind(key)) as reached:
        assert reached.signer().sign(b"message")


@every_cloud
def test_a_cloud_that_signs_with_another_key_is_found_out(kind: type[FakeCloud]) -> None:
    with reach(kind(P256)) as reached:
        signer = reached.signer()
        assert signer.sign(b"message")
        reached.cloud.key = ec.generate_private_key(ec.SECP256R1())
        assert reached.refusal(lambda _: signer.sign(b"message")) == "signature_refused"


@every_cloud
def test_a_key_that_is_not_there_is_named(kind: type[FakeCloud]) -> None:
    with reach(kind(P256), name="projects/p/other") as reached:
        assert reached.refusal() == "kms_key_unknown"


@pytest.mark.parametrize(("status", "code"), [(401, "kms_denied"), (403, "kms_denied"), (429, "kms_unavailable")])
@every_cloud
def test_a_refusal_says_who_must_act(kind: type[FakeCloud], status: int, code: str) -> None:
    with reach(kind(P256)) as reached:
        reached.cloud.fixed = (status, {})
        assert reached.refusal() == code
        reached.cloud.fixed = (400, {"__type": "ThrottlingException"})
        assert reached.refusal() == "kms_unavailable"


@pytest.mark.parametrize(
    ("kind", "edits", "code"),
    [
        (FakeAws, {"KeyUsage": "ENCRYPT_DECRYPT"}, "key_unsupported"),
        (FakeAws, {"SigningAlgorithms": ["ECDSA_SHA_384"]}, "key_unsupported"),
        (FakeAws, {"SigningAlgorithms": None}, "kms_answer_invalid"),
        (FakeAws, {"PublicKey": "AAAA"}, "kms_answer_invalid"),
        (FakeAws, {"PublicKey": "no base64"}, "kms_answer_invalid"),
        (FakeAws, {"KeyId": None}, "kms_answer_invalid"),
        (FakeGcp, {"name": "projects/p/another"}, "kms_answer_invalid"),
        (FakeGcp, {"algorithm": "RSA_SIGN_PKCS1_4096_SHA512"}, "key_unsupported"),
        (FakeGcp, {"pem": "no PEM"}, "kms_answer_invalid"),
        (FakeAzure, {"attributes": {"enabled": False}}, "key_unsupported"),
        (FakeAzure, {"key": {"key_ops": ["verify"]}}, "key_unsupported"),
        (FakeAzure, {"key": {"key_ops": ["sign"], "kty": "oct"}}, "key_unsupported"),
        (FakeAzure, {"key": {"key_ops": ["sign"], "kty": "EC", "crv": "P-256K"}}, "key_unsupported"),
        (
            FakeAzure,
            {"key": {"key_ops": ["sign"], "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}},
            "kms_answer_invalid",
        ),
        (FakeAzure, {"key": {"key_ops": ["sign"], "kty": "RSA", "n": "!", "e": "AQAB"}}, "kms_answer_invalid"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(kind: type[FakeCloud], edits: dict[str, object], code: str) -> None:
    with reach(kind(P256)) as reached:
        reached.cloud.edits = edits
        assert reached.refusal(lambda signer: signer.public_key()) == code
        reached.cloud.edits = {}
        assert reached.signer().public_key()


@pytest.mark.parametrize(
    ("kind", "edits"),
    [(FakeGcp, {"name": "another version"}), (FakeAzure, {"kid": "https://vault.test/keys/release/0"})],
)
def test_a_signature_by_another_version_is_refused(kind: type[FakeCloud], edits: dict[str, object]) -> None:
    with reach(kind(P256)) as reached:
        signer = reached.signer()
        assert signer.public_key()
        reached.cloud.edits = edits
        assert reached.refusal(lambda _: signer.sign(b"m")) == "kms_answer_invalid"


def test_google_signs_with_the_newest_version_that_is_enabled() -> None:
    with reach(FakeGcp(P256)) as reached:
        assert reached.signer().sign(b"m")
        assert reached.cloud.calls[-1].path.endswith("/cryptoKeyVersions/10:asymmetricSign")


@pytest.mark.parametrize(
    ("versions", "code"), [(((1, "DISABLED"),), "kms_key_unknown"), (((1, "ENABLED"),) * 25, "kms_answer_invalid")]
)
def test_a_list_of_versions_without_use_or_end_is_refused(
    monkeypatch: pytest.MonkeyPatch, versions: tuple[tuple[int, str], ...], code: str
) -> None:
    monkeypatch.setattr(FakeGcp, "versions", versions)
    with reach(FakeGcp(P256)) as reached:
        assert reached.refusal() == code


def test_a_token_that_is_refused_is_in_no_message() -> None:
    for kind in (FakeGcp, FakeAzure):
        with reach(kind(P256), token=f"{TOKEN}x") as reached:
            assert reached.refusal() == "kms_denied"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("UnrecognizedClientException", "kms_denied"),
        ("InvalidKeyUsageException", "key_unsupported"),
        ("com.amazonaws.kms#NotFoundException", "kms_key_unknown"),
        ("KMSInvalidStateException", "kms_unavailable"),
    ],
)
def test_amazon_names_its_refusals(kind: str, code: str) -> None:
    with reach(FakeAws(P256)) as reached:
        reached.cloud.fixed = (400, {"__type": kind})
        assert reached.refusal() == code
