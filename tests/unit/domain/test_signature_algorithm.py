import hashlib

import pytest

from assay.domain.signature_algorithm import SignatureAlgorithm


@pytest.mark.parametrize("algorithm", [item for item in SignatureAlgorithm if item.hash_name])
def test_what_is_signed_is_the_digest(algorithm: SignatureAlgorithm) -> None:
    assert algorithm.digest(b"m") == hashlib.new(algorithm.hash_name, b"m").digest()


def test_ed25519_signs_the_message_itself() -> None:
    assert SignatureAlgorithm.ED25519.digest(b"message") == b"message"
