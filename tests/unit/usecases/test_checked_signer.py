from dataclasses import dataclass

import pytest

from assay.domain.errors import Unavailable
from assay.domain.identity import PublicKey
from assay.usecases.checked_signer import CheckedSigner
from tests.fakes.signing import ACCEPTED_KINDS, FakeAuthority


@dataclass
class Lying:
    """Tells one key and signs with another."""

    told: FakeAuthority
    used: FakeAuthority

    def public_key(self) -> PublicKey:
        return self.told.public_key()

    def sign(self, message: bytes) -> bytes:
        return self.used.sign(message)


@pytest.mark.parametrize("kind", ACCEPTED_KINDS)
def test_a_signature_that_verifies_is_handed_out(kind: str) -> None:
    honest = FakeAuthority("honest", kind)
    signer = CheckedSigner(Lying(told=honest, used=honest))
    assert signer.sign(b"m")
    assert signer.public_key() == honest.public_key()


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_a_signature_by_another_key_is_refused(kind: str) -> None:
    signer = CheckedSigner(Lying(told=FakeAuthority("honest"), used=FakeAuthority("other", kind)))
    with pytest.raises(Unavailable) as caught:
        signer.sign(b"m")
    assert caught.value.code == "signature_refused"
