import pytest

from assay.domain.credential import Credential
from assay.domain.errors import InvalidInput


def test_a_credential_shows_neither_part() -> None:
    credential = Credential(username="ursula", secret="opensesame")
    assert "ursula" not in repr(credential)
    assert "opensesame" not in repr(credential)


@pytest.mark.parametrize(
    ("username", "secret"),
    [("a:b", "s"), ("a", ""), ("a\n", "s"), ("a", "s\r\nX: y"), ("a", "s\0"), ("a" * 70_000, "s")],
)
def test_what_no_header_carries_is_refused_without_being_quoted(username: str, secret: str) -> None:
    assert Credential(username="a", secret="s")
    with pytest.raises(InvalidInput) as caught:
        Credential(username=username, secret=secret)
    assert caught.value.code == "credential_malformed"
    assert "a:b" not in str(caught.value)
