"""Whatever a file of credentials or a challenge says, only our own errors come out, and hosts stay exact."""

import base64
import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.registry.challenge import parse_challenges
from assay.domain.errors import InvalidInput
from assay.domain.reference import Repository
from assay.formats.docker_config import parse_docker_config, registry_host

words = st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["auths", "credHelpers", "credsStore", "auth", "username", "password", "identitytoken"])
hosts = st.sampled_from(["a.example", "https://a.example/v1/", "a.example:5000", "a.example/b", "*.a.example"]) | words
documents = st.dictionaries(keys | hosts, json_values | st.dictionaries(keys | hosts, json_values, max_size=3))


@given(documents.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=50))
def test_a_file_is_read_or_refused(octets: bytes) -> None:
    with suppress(InvalidInput):
        parsed = parse_docker_config(octets, what="it")
        for host in (*parsed.credentials, *parsed.helpers):
            assert Repository(registry=host, path="any").registry == host


@given(words, words.filter(bool))
def test_what_docker_writes_is_read_back(username: str, password: str) -> None:
    packed = base64.b64encode(f"{username}:{password}".encode()).decode()
    with suppress(InvalidInput):
        parsed = parse_docker_config(json.dumps({"auths": {"a.example": {"auth": packed}}}).encode(), what="it")
        login = parsed.credentials["a.example"]
        assert f"{login.username}:{login.secret}" == f"{username}:{password}".rstrip("\0")


@given(hosts)
def test_a_key_names_one_host_or_none(key: str) -> None:
    host = registry_host(key)
    assert host == "" or host in key.lower() or host == "docker.io"


@given(st.text(alphabet='Bearsic rlm="\\,\x00\u00e9/:', max_size=60) | st.text(max_size=60))
def test_a_challenge_is_read_or_gives_none(header: str) -> None:
    for challenge in parse_challenges(header):
        assert challenge.scheme == challenge.scheme.lower()
        assert all(name == name.lower() for name in challenge.parameters)
