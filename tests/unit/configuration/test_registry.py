"""What the configuration says about registries."""

import pytest

from assay.configuration.registry import read_registries
from assay.configuration.section import Section
from assay.configuration.settings import RegistryHostSettings, RegistrySettings
from assay.domain.errors import ConfigError
from assay.domain.mirror import NO_MIRRORS, MirrorNames

HOST = {"host": "registry.example:5000"}


def read(**members: object) -> RegistrySettings:
    return read_registries(Section(members, "registries"))


def test_nothing_is_configured_by_default() -> None:
    assert read() == RegistrySettings(only=(), plain_http=(), ca="", credentials=(), hosts=(), mirror_names=NO_MIRRORS)
    expected = RegistryHostSettings(host="registry.example:5000", mirrors=(), token_hosts=(), ca="", login="")
    assert read(hosts=[HOST]).hosts == (expected,)


def test_every_field_arrives_where_it_belongs() -> None:
    host = HOST | {"mirrors": ["m.example/hub"], "token_hosts": ["t.example"], "ca": "ca.pem", "login": "gcp"}
    settings = read(only=["a.example"], plain_http=["[::1]:5000"], ca="all.pem", credentials=["c.json"], hosts=[host])
    assert settings.hosts[0].mirrors == ("m.example/hub",)
    assert settings.hosts[0].token_hosts == ("t.example",)
    assert settings.mirror_names == MirrorNames(origins=(("m.example/hub", "registry.example:5000"),))
    assert (settings.hosts[0].ca, settings.hosts[0].login) == ("ca.pem", "gcp")
    assert (settings.only, settings.plain_http, settings.ca) == (("a.example",), ("[::1]:5000",), "all.pem")
    assert settings.credentials == ("c.json",)


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"only": ["https://a.example"]}, "registries.only"),
        ({"plain_http": ["A.example"]}, "registries.plain_http"),
        ({"surprise": "x"}, "surprise"),
        ({"hosts": [{}]}, r"registries.hosts\[0\].host"),
        ({"hosts": [{"host": "*.example"}]}, r"registries.hosts\[0\].host"),
        ({"hosts": [HOST, HOST]}, "registries.hosts: registry.example:5000 is described twice"),
        ({"hosts": [HOST | {"mirrors": ["https://m.example"]}]}, r"registries.hosts\[0\].mirrors"),
        ({"hosts": [HOST | {"mirrors": ["m.example/UPPER"]}]}, r"registries.hosts\[0\].mirrors"),
        ({"hosts": [HOST | {"mirrors": ["m.example", "m.example/hub"]}]}, "registries.hosts: the origin of a name is"),
        (
            {"hosts": [HOST | {"mirrors": ["m.example"]}, HOST | {"host": "o.example", "mirrors": ["m.example"]}]},
            "hosts",
        ),
        ({"hosts": [HOST | {"token_hosts": ["t.example/token"]}]}, r"registries.hosts\[0\].token_hosts"),
        ({"hosts": [HOST | {"login": "oracle"}]}, r"registries.hosts\[0\].login"),
        ({"hosts": [HOST | {"password": "x"}]}, "password"),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_place(members: dict[str, object], place: str) -> None:
    with pytest.raises(ConfigError, match=place) as caught:
        read(**members)
    assert caught.value.code == "configuration_invalid"
