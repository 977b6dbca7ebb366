"""Kubeconfigs: the current context, and nothing that weakens what is checked."""

import copy
import json
from typing import Any

import pytest

from assay.domain.errors import InvalidInput
from assay.formats.kubeconfig import parse_kubeconfig

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "preferences": {},
    "current-context": "here",
    "contexts": [
        {"name": "there", "context": {"cluster": "far", "user": "root"}},
        {"name": "here", "context": {"cluster": "near", "user": "watcher", "namespace": "assay"}},
    ],
    "clusters": [
        {"name": "far", "cluster": {"server": "https://far", "insecure-skip-tls-verify": True}},
        {"name": "near", "cluster": {"server": "https://near:6443", "certificate-authority": "ca.crt"}},
    ],
    "users": [{"name": "root", "user": {"exec": {}}}, {"name": "watcher", "user": {"token": "t0ken"}}],
}
CLUSTER, USER = ("clusters", 1, "cluster"), ("users", 1, "user")
KEYS = {"client-certificate": "c.crt", "client-key": "c.key"}


def written(document: object) -> bytes:
    return json.dumps(document).encode()


def with_members(place: tuple[str, int, str], **members: object) -> bytes:
    """The configuration with members of a section replaced; those that become None are gone."""
    document = copy.deepcopy(CONFIG)
    plural, number, singular = place
    section = document[plural][number][singular]
    section.update({name.replace("_", "-"): value for name, value in members.items()})
    document[plural][number][singular] = {name: value for name, value in section.items() if value is not None}
    return written(document)


def refusal(octets: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_kubeconfig(octets, what="the kubeconfig")
    assert caught.value.code == "kubeconfig_malformed"
    assert "t0ken" not in str(caught.value)
    return caught.value.message


def test_the_current_context_is_read() -> None:
    parsed = parse_kubeconfig(written(CONFIG), what="the kubeconfig")
    assert (parsed.server, parsed.authority, parsed.token) == ("https://near:6443", "ca.crt", b"t0ken")
    assert "t0ken" not in repr(parsed)


def test_material_stands_in_the_file_or_beside_it() -> None:
    parsed = parse_kubeconfig(
        with_members(USER, token=None, client_certificate="c.crt", client_key_data="a2V5"), what="the kubeconfig"
    )
    assert (parsed.token, parsed.certificate, parsed.key) == (None, "c.crt", b"key")
    packed = with_members(CLUSTER, certificate_authority=None, certificate_authority_data="Y2E=")
    assert parse_kubeconfig(packed, what="the kubeconfig").authority == b"ca"
    assert parse_kubeconfig(with_members(USER, token=None, tokenFile="t"), what="the kubeconfig").token == "t"


@pytest.mark.parametrize(
    ("place", "members", "complaint"),
    [
        (CLUSTER, {"insecure_skip_tls_verify": "true"}, "insecure-skip-tls-verify"),
        (CLUSTER, {"proxy_url": "http://p"}, "proxy-url"),
        (CLUSTER, {"tls_server_name": "x"}, "tls-server-name"),
        (CLUSTER, {"server": None}, "server"),
        (CLUSTER, {"certificate_authority": None}, "no certificate authority"),
        (CLUSTER, {"certificate_authority_data": "Y2E="}, "twice"),
        (USER, {"exec": {}}, "exec"),
        (USER, {"username": "u"}, "username"),
        (USER, {"tokenFile": "t"}, "twice"),
        (USER, {"token": None}, "neither"),
        (USER, {"token": ""}, "token"),
        (USER, KEYS, "or both"),
        (USER, {"token": None, "client_certificate": "c"}, "neither"),
    ],
)
def test_what_weakens_or_lacks_something_is_refused(
    place: tuple[str, int, str], members: dict[str, object], complaint: str
) -> None:
    assert complaint in refusal(with_members(place, **members))


def test_data_that_is_no_base64_is_refused() -> None:
    assert "base64" in refusal(with_members(CLUSTER, certificate_authority=None, certificate_authority_data="%"))


@pytest.mark.parametrize("name", ["contexts", "clusters", "users"])
def test_each_part_of_the_context_is_there_once(name: str) -> None:
    for entries in ("none", [], [*CONFIG[name], *CONFIG[name]], [{"name": "here"}, 5]):
        assert "exactly one" in refusal(written({**CONFIG, name: entries}))


@pytest.mark.parametrize("document", [[], {**CONFIG, "users": [{"name": "watcher", "user": "text"}]}])
def test_what_is_no_mapping_is_refused(document: object) -> None:
    assert "no mapping" in refusal(written(document))
    assert "current-context" in refusal(written({**CONFIG, "current-context": ""}))
