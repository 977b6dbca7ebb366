"""A Transit engine that answers something else than a real one does."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from assay.adapters.kms.connection import KmsConnection
from assay.adapters.kms.key import ServiceKey
from assay.adapters.kms.vault import TransitKeyService
from assay.domain.deadline import Deadline
from assay.domain.errors import AssayError
from assay.domain.key_uri import TransitKey
from assay.formats.base64text import encode_base64
from tests.fakes.clock import FrozenClock
from tests.fakes.json_server import Call, serving
from tests.fakes.key_service import sign_digest, spki

P256 = ec.generate_private_key(ec.SECP256R1())
PEM = spki(P256, Encoding.PEM).decode()
SIGNATURE = encode_base64(sign_digest(P256, bytes(32)))


def deadline() -> Deadline:
    return Deadline.after(30, FrozenClock().monotonic)


def ask(members: dict[str, object], signature: str = f"vault:v2:{SIGNATURE}", status: int = 200) -> bytes:
    """Fetch the key and sign with it."""
    key = {"type": "ecdsa-p256", "latest_version": 2, "supports_signing": True, "keys": {"2": {"public_key": PEM}}}

    def respond(call: Call) -> tuple[int, object]:
        return status, {"data": {**key, **members} if call.method == "GET" else {"signature": signature}}

    with serving(respond) as address:
        connection = KmsConnection(address, service="Vault")
        service = TransitKeyService(TransitKey(server="hashivault", key="k"), connection, token="t")
        key_found: ServiceKey = service.fetch_key(deadline())
        return service.sign(key_found, b"m", deadline())


def refusal(members: dict[str, object], signature: str = f"vault:v2:{SIGNATURE}", status: int = 200) -> str:
    with pytest.raises(AssayError) as caught:
        ask(members, signature, status)
    return caught.value.code


def test_an_answer_as_documented_is_understood() -> None:
    assert encode_base64(ask({})) == SIGNATURE


@pytest.mark.parametrize(
    "members",
    [
        {"latest_version": 3},
        {"latest_version": "2"},
        {"keys": {"2": {"public_key": "no PEM"}}},
        {"type": "ed25519", "keys": {"2": {"public_key": "!"}}},
        {"type": "ed25519", "keys": {"2": {"public_key": "AAAA"}}},
        {"type": None},
    ],
)
def test_a_key_that_is_not_as_documented_is_refused(members: dict[str, object]) -> None:
    assert refusal(members) == "kms_answer_invalid"


@pytest.mark.parametrize("signature", ["", SIGNATURE, f"vault:v1:{SIGNATURE}", f"vault:v22:{SIGNATURE}", "vault:v2:!"])
def test_a_signature_of_another_version_or_form_is_refused(signature: str) -> None:
    assert refusal({}, signature) == "kms_answer_invalid"


@pytest.mark.parametrize(
    ("status", "code"), [(404, "kms_key_unknown"), (400, "kms_key_unknown"), (418, "kms_unavailable")]
)
def test_a_failure_has_a_code(status: int, code: str) -> None:
    assert refusal({}, status=status) == code
