"""The section `provider`: whom Gatekeeper's questions are judged for, and who may ask them."""

import re

from assay.configuration.listener import parse_address
from assay.configuration.section import Section, refuse
from assay.configuration.server import read_lame_duck_seconds, read_seconds, read_tls
from assay.configuration.settings import ProviderSettings

_DNS_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_LONGEST_MILLISECONDS = 30_000


def read_provider(section: Section | None) -> ProviderSettings | None:
    """Read the section; `ConfigError(configuration_invalid)` naming the place.

    Guaranteed: a client shows a certificate of `client_ca` for one of the named DNS names, wherever the provider
    listens.
    """
    if section is None:
        return None
    tls = read_tls(section.section("tls"))
    if not tls.client_ca:
        raise refuse(f"{section.place}.tls.client_ca", "anybody could ask", "name the CA of Gatekeeper's certificate")
    settings = ProviderSettings(
        listen=parse_address(section.text("listen"), place=f"{section.place}.listen"),
        workers=section.integer("workers", 2, lowest=1, highest=64),
        threads=section.integer("threads", 8, lowest=1, highest=64),
        read_seconds=read_seconds(section),
        lame_duck_seconds=read_lame_duck_seconds(section, default=5),
        tls=tls,
        client_names=_client_names(section),
        tenant=section.name("tenant"),
        environment=section.name("environment"),
        validation_milliseconds=_milliseconds(section, "validation_milliseconds", 2500),
        mutation_milliseconds=_milliseconds(section, "mutation_milliseconds", 800),
    )
    section.finish()
    return settings


def _milliseconds(section: Section, key: str, default: int) -> int:
    return section.integer(key, default, lowest=100, highest=_LONGEST_MILLISECONDS)


def _client_names(section: Section) -> frozenset[str]:
    names = section.texts("client_names", required=True)
    for name in names:
        if not _DNS_NAME.fullmatch(name):
            raise refuse(
                f"{section.place}.client_names", f"{name[:80]!r} is no DNS name", "write each in full and in lower case"
            )
    return frozenset(names)
