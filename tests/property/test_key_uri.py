"""Key URIs: whatever is written is one key or a typed refusal, and a key is written as it is read."""

from hypothesis import example, given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.domain.key_uri import KeyUri, Pkcs11Key, is_key_uri, parse_key_uri

SCHEMES = ("awskms://", "gcpkms://", "azurekms://", "hashivault://", "openbao://", "k8s://", "pkcs11:", "x://", "")
PIECES = (
    "/",
    "projects/p/locations/l/keyRings/r/cryptoKeys/k",
    "/cryptoKeyVersions/1",
    "alias/a",
    "token=t",
    "object=o",
    "id=%00%ff",
    ";",
    "?",
    "pin-value=PIN",
    "&",
    "vault",
    "release",
    "..",
    "@",
    "%",
)
TEXTS = st.builds(
    lambda scheme, parts: scheme + "".join(parts),
    st.sampled_from(SCHEMES),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=8),
)


def read(text: str) -> KeyUri | str:
    """The key, or the code of the refusal."""
    try:
        return parse_key_uri(text)
    except InvalidInput as error:
        return error.code


@given(TEXTS)
@example("pkcs11:token=t;object=o?pin-value=PIN")
@example("awskms:///alias/a")
def test_a_text_is_one_key_or_refused_and_a_key_is_written_as_it_is_read(text: str) -> None:
    key = read(text)
    if isinstance(key, str):
        assert key in {"key_uri_malformed", "key_uri_unsupported"}
        return
    assert is_key_uri(text)
    assert "PIN" not in str(key) + repr(key)
    assert isinstance(key, Pkcs11Key) or parse_key_uri(str(key)) == key
    assert not {"..", ""} & set(str(key).partition("://")[2].split("/")[1:])
