import pytest

from assay.domain.digest import Digest
from assay.domain.identity import Authority, PublicKey

KEY = PublicKey(spki=b"key")


def test_a_key_is_identified_by_its_encoding() -> None:
    assert KEY.key_id == Digest.of(b"key")


@pytest.mark.parametrize(("name", "keys"), [("", (KEY,)), ("release", ())])
def test_an_authority_that_nobody_can_meet_cannot_be_built(name: str, keys: tuple[PublicKey, ...]) -> None:
    with pytest.raises(ValueError, match="at least one key"):
        Authority(name=name, keys=keys)
    assert Authority(name="release", keys=(KEY,))
