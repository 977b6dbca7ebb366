"""What the configuration says about registries."""

from collections.abc import Sequence

from assay.configuration.section import Section, refuse
from assay.configuration.settings import RegistryHostSettings, RegistrySettings
from assay.domain.errors import InvalidInput
from assay.domain.mirror import MirrorNames
from assay.domain.reference import Repository

_LOGINS = ("aws", "azure", "gcp")


def read_registries(section: Section) -> RegistrySettings:
    """Read the section `registries`; `ConfigError(configuration_invalid)` naming the place.

    Guaranteed: every host is written as references write it, and each is described once.
    """
    hosts = tuple(_host(item) for item in section.sections("hosts"))
    names = [item.host for item in hosts]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise refuse("registries.hosts", f"{repeated[0]} is described twice", "describe each host once")
    settings = RegistrySettings(
        only=_hosts(section, "only"),
        plain_http=_hosts(section, "plain_http"),
        ca=section.text("ca", ""),
        credentials=section.texts("credentials"),
        hosts=hosts,
        mirror_names=_mirror_names(hosts),
    )
    section.finish()
    return settings


def _mirror_names(hosts: Sequence[RegistryHostSettings]) -> MirrorNames:
    try:
        return MirrorNames(origins=tuple((mirror, item.host) for item in hosts for mirror in item.mirrors))
    except ValueError as error:
        raise refuse(
            "registries.hosts", f"the origin of a name is ambiguous: {error}", "give each mirror a prefix of its own"
        ) from error


def _host(section: Section) -> RegistryHostSettings:
    login = section.text("login", "")
    if login and login not in _LOGINS:
        raise refuse(f"{section.place}.login", f"{login[:40]!r} is not a cloud", f"choose from {', '.join(_LOGINS)}")
    settings = RegistryHostSettings(
        host=_checked(section.text("host"), place=f"{section.place}.host"),
        mirrors=_mirrors(section),
        token_hosts=_hosts(section, "token_hosts"),
        ca=section.text("ca", ""),
        login=login,
    )
    section.finish()
    return settings


def _hosts(section: Section, key: str) -> tuple[str, ...]:
    return tuple(_checked(text, place=f"{section.place}.{key}") for text in section.texts(key))


def _mirrors(section: Section) -> tuple[str, ...]:
    mirrors = section.texts("mirrors")
    for mirror in mirrors:
        host, slash, prefix = mirror.partition("/")
        _checked(host, place=f"{section.place}.mirrors", path=f"{prefix}{slash}any")
    return mirrors


def _checked(host: str, *, place: str, path: str = "any") -> str:
    try:
        Repository(registry=host, path=path)
    except InvalidInput as error:
        raise refuse(place, f"{host[:80]!r} is not a registry host", "write host or host:port in lower case") from error
    return host
