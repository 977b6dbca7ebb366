"""Kubeconfigs: whatever is written is one access or a typed refusal, and no credential is told."""

import json

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.errors import InvalidInput
from assay.formats.kubeconfig import Kubeconfig, parse_kubeconfig

SECRET = "hidden"
VALUES = st.one_of(
    st.just(SECRET), st.just("aGlkZGVu"), st.text(max_size=4), st.none(), st.just([]), st.just({}), st.just(True)
)
CLUSTERS = st.dictionaries(
    st.sampled_from(["server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"]),
    VALUES,
)
USERS = st.dictionaries(
    st.sampled_from(
        ["token", "tokenFile", "client-certificate", "client-certificate-data", "client-key", "client-key-data", "exec"]
    ),
    VALUES,
)


def read(octets: bytes) -> Kubeconfig | str:
    """The access, or the text of the refusal."""
    try:
        return parse_kubeconfig(octets, what="the kubeconfig")
    except InvalidInput as error:
        return f"{error.code}: {error}"


@given(cluster=CLUSTERS, user=USERS)
def test_an_access_is_whole_and_shows_no_credential(cluster: dict[str, object], user: dict[str, object]) -> None:
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    found = read(json.dumps(document).encode())
    if isinstance(found, str):
        assert found.startswith("kubeconfig_malformed")
        assert SECRET not in found
        return
    assert found.server
    assert found.authority
    assert (found.token is None) == (found.certificate is not None)
    assert (found.certificate is None) == (found.key is None)
    assert "token=" not in repr(found)
    assert "key=" not in repr(found)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_access_or_a_refusal(octets: bytes) -> None:
    found = read(octets)
    assert isinstance(found, Kubeconfig) or found.startswith(("kubeconfig_malformed", "yaml_malformed"))
