import hashlib

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput

HEX = hashlib.sha256(b"content").hexdigest()


def test_a_digest_is_that_of_the_bytes_in_every_form() -> None:
    digest = Digest.of(b"content")
    assert digest == Digest(f"sha256:{HEX}") == Digest.from_hex(HEX)
    assert (str(digest), digest.hex, digest.octets) == (f"sha256:{HEX}", HEX, hashlib.sha256(b"content").digest())


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEX,
        f"sha256:{HEX.upper()}",
        f"SHA256:{HEX}",
        f"sha256:{HEX}\n",
        f" sha256:{HEX}",
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}0",
        f"sha512:{HEX}{HEX}",
        f"sha256:sha256:{HEX}",
        f"sha256:{HEX[:-1]}\uff11",
    ],
)
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Digest(text)
    assert caught.value.code == "digest_malformed"
