"""Signing configs: which services certify, log and stamp a signature while it is made.

Source: Sigstore `signing_config.json`, version 0.2 (protobuf-specs, `sigstore_trustroot.proto`), in its JSON form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject
from assay.formats.trusted_root import TrustedPeriod, read_period

_MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_MOST = 100
_LARGEST = 1024 * 1024
_SCHEMES = ("https://", "http://")
_CONFIG = frozenset(
    {"mediaType", "caUrls", "oidcUrls", "rekorTlogUrls", "rekorTlogConfig", "tsaUrls", "tsaConfig"},
)
_SERVICE = frozenset({"url", "majorApiVersion", "validFor", "operator"})
LOG_VERSIONS = frozenset({1, 2})
_FIRST_VERSION = frozenset({1})


class Selector(StrEnum):
    """How many of the operators of a kind of service are asked."""

    ALL = "ALL"
    ANY = "ANY"
    EXACT = "EXACT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: its address without a slash at the end, the version of its interface, and when it is used."""

    url: str
    version: int
    operator: str
    period: TrustedPeriod

    def is_used_at(self, now: datetime) -> bool:
        """Whether the service may be asked now."""
        start, end = self.period.start, self.period.end
        return (start is None or start <= now) and (end is None or now <= end)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSet:
    """The services of one kind, and how many of them are asked; `count` counts for `EXACT` alone."""

    what: str
    services: tuple[Service, ...]
    selector: Selector
    count: int
    versions: frozenset[int]

    def choose(self, now: datetime) -> tuple[Service, ...]:
        """The services to ask: of each operator the newest version, in the order of the file.

        None only when the file names none: what it names and nobody can ask now is
        `InvalidInput(signing_config_unusable)`, as are fewer than it counts.
        """
        newest: dict[str, Service] = {}
        for service in self.services:
            if service.version in self.versions and service.is_used_at(now):
                held = newest.get(service.operator)
                if held is None or held.version < service.version:
                    newest[service.operator] = service
        wanted = {Selector.ALL: len(newest) or 1, Selector.ANY: 1, Selector.EXACT: self.count}[self.selector]
        if self.services and len(newest) < wanted:
            raise _unusable(self.what, f"{len(newest)} services can be asked now, {wanted} are wanted")
        return tuple(newest.values())[:wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningConfig:
    """The services of a signing config by kind."""

    certificate_authorities: ServiceSet
    identity_providers: ServiceSet
    logs: ServiceSet
    timestamp_authorities: ServiceSet


def parse_signing_config(octets: bytes, *, limits: Limits) -> SigningConfig:
    """Parse a signing config.

    Guaranteed: every member is known and of its type; an address is http or https. Of certificate authorities and
    identity providers any one is asked. Raises `InvalidInput(signing_config_unusable)` naming the place.
    """
    what = "the signing config"
    try:
        if len(octets) > _LARGEST:
            raise _unusable(what, f"it is longer than {_LARGEST} bytes")
        config = EvidenceObject.parse(octets, what=what, known=_CONFIG, limits=limits)
        if config.text("mediaType") != _MEDIA_TYPE:
            raise _unusable(what, "its media type is not that of version 0.2")
        return SigningConfig(
            certificate_authorities=_read_any(config, "caUrls"),
            identity_providers=_read_any(config, "oidcUrls"),
            logs=_read_set(config, "rekorTlogUrls", "rekorTlogConfig", LOG_VERSIONS),
            timestamp_authorities=_read_set(config, "tsaUrls", "tsaConfig", _FIRST_VERSION),
        )
    except InvalidInput as error:
        raise InvalidInput("signing_config_unusable", error.message, remedy=_REMEDY) from error


_REMEDY = "name a signing config of version 0.2 whose services can be asked now"


def _read_any(config: EvidenceObject, name: str) -> ServiceSet:
    return ServiceSet(
        what=f"{config.what}.{name}",
        services=_read_services(config, name),
        selector=Selector.ANY,
        count=1,
        versions=_FIRST_VERSION,
    )


def _read_set(config: EvidenceObject, name: str, choice: str, versions: frozenset[int]) -> ServiceSet:
    what, services = f"{config.what}.{name}", _read_services(config, name)
    members = {"selector": Selector.ANY.value} if not services else {}
    given = config.mapping(choice) if config.has(choice) else {}
    section = EvidenceObject.of({**members, **given}, what=f"{config.what}.{choice}", known={"selector", "count"})
    selector = section.text("selector", default="")
    if selector not in set(Selector):
        raise _unusable(section.what, "ALL, ANY or EXACT is expected")
    count = section.natural("count")
    if (count > 0) is not (selector == Selector.EXACT):
        raise _unusable(f"{section.what}.count", "EXACT has a count of at least 1, nothing else has one")
    return ServiceSet(what=what, services=services, selector=Selector(selector), count=count, versions=versions)


def _read_services(config: EvidenceObject, name: str) -> tuple[Service, ...]:
    return tuple(
        _read_service(EvidenceObject.of(value, what=f"{config.what}.{name}[{number}]", known=_SERVICE))
        for number, value in enumerate(config.items(name, most=_MOST))
    )


def _read_service(service: EvidenceObject) -> Service:
    url = service.text("url")
    if not url.startswith(_SCHEMES) or not url.isascii() or not url.isprintable() or " " in url or "@" in url:
        raise _unusable(f"{service.what}.url", "an address with http or https and without a credential is expected")
    return Service(
        url=url.rstrip("/"),
        version=service.natural("majorApiVersion"),
        operator=service.text("operator", default=""),
        period=read_period(service),
    )


def _unusable(what: str, why: str) -> InvalidInput:
    return InvalidInput("signing_config_unusable", f"{what}: {why}", remedy=_REMEDY)


def one_of(services: Sequence[Service], what: str) -> Service:
    """The service that was chosen; `InvalidInput(signing_config_unusable)` when the file names none."""
    if not services:
        raise _unusable("the signing config", f"it names no {what}")
    return services[0]
