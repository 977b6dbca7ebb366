"""The section `webhook`: what is judged, for whom, and what is left alone."""

import re
from collections import Counter
from collections.abc import Iterator

from assay.configuration.preset import PRESETS
from assay.configuration.section import Section, refuse
from assay.configuration.settings import PrewarmSettings
from assay.domain.api_type import GroupVersionKind
from assay.domain.coverage import Coverage, CustomResource, Pin
from assay.domain.errors import InvalidInput
from assay.domain.field_path import FieldPath
from assay.domain.tenancy import TenantRule

_API_VERSION = re.compile(r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)/(v[a-z0-9]{1,62})")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}", re.ASCII)
_RESOURCE = re.compile(r"[a-z][a-z0-9]{0,62}")
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_KEY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_GROUP = re.compile(r"[!-~](?:[ -~]{0,251}[!-~])?")
_EVERYBODY = frozenset({"system:authenticated", "system:unauthenticated", "system:serviceaccounts"})


def read_tenants(section: Section) -> tuple[TenantRule, ...]:
    """The tenants of the cluster's namespaces, in order; one tenant for all of them is the short form."""
    if not section.has("tenants"):
        return (TenantRule(tenant=section.name("tenant"), environment=section.name("environment")),)
    if section.has("tenant") or section.has("environment"):
        raise refuse(f"{section.place}.tenants", "a tenant for all stands beside it", "write one of the two forms")
    rules = tuple(map(_tenant, section.sections("tenants")))
    if not rules:
        raise refuse(f"{section.place}.tenants", "the list is empty", "name at least one tenant")
    return rules


def read_coverage(section: Section) -> Coverage:
    """What is judged beside the kinds of Kubernetes, what is exempt, and what is pinned."""
    custom = section.optional_section("custom_resources")
    return Coverage(
        custom_resources=_custom_resources(custom) if custom else (),
        exempt_namespaces=_namespaces(f"{section.place}.exempt_namespaces", section.texts("exempt_namespaces")),
        pin=_pin(section),
    )


def read_exempt_namespace_creators(section: Section, coverage: Coverage) -> str:
    """The group whose members alone create namespaces of exempt names: the administrators, unless another is written.

    A group that everybody is in, or every Pod, would guard nothing.
    """
    key = "exempt_namespace_creators"
    place = f"{section.place}.{key}"
    if section.has(key) and not coverage.exempt_namespaces:
        raise refuse(place, "no namespace is exempt", "remove it, or name `exempt_namespaces`")
    group = section.text(key, "system:masters")
    if group in _EVERYBODY or not _GROUP.fullmatch(group):
        raise refuse(place, f"{group[:80]!r} is no group of a few", "write the name of a group of administrators")
    return group


def read_prewarm(section: Section | None) -> PrewarmSettings | None:
    """What is verified before anybody asks; None without the section: nothing is."""
    if section is None:
        return None
    settings = PrewarmSettings(
        images=section.integer("images", 1000, lowest=1, highest=10_000),
        replica_sets=section.flag("replica_sets", default=False),
    )
    section.finish()
    return settings


def _pin(section: Section) -> Pin:
    if (text := section.text("pin", Pin.ALL.value)) not in set(Pin):
        raise refuse(f"{section.place}.pin", f"{text[:40]!r} is not known", "write pods or all")
    return Pin(text)


def _namespaces(place: str, names: tuple[str, ...]) -> frozenset[str]:
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise refuse(place, f"{name[:80]!r} is not the name of a namespace", "write each name in full")
    return frozenset(names)


def _tenant(section: Section) -> TenantRule:
    match = section.section("match")
    names = match.texts("names")
    everything = names == ("*",)
    rule = TenantRule(
        tenant=section.name("tenant"),
        environment=section.name("environment"),
        names=frozenset() if everything else _namespaces(f"{match.place}.names", names),
        labels=tuple(sorted(_labels(match))),
    )
    if not (everything or rule.names or rule.labels):
        raise refuse(match.place, "it says neither names nor labels", "write `names: ['*']` for every namespace")
    match.finish()
    section.finish()
    return rule


def _labels(match: Section) -> Iterator[tuple[str, str]]:
    if not match.has("labels"):
        return
    labels = match.section("labels")
    for key in labels.fields():
        value = labels.text(key)
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
            raise refuse(labels.place, f"{key[:80]!r} is not a label with a value", "write `key: value` of a label")
        yield key, value


def _custom_resources(section: Section) -> tuple[CustomResource, ...]:
    found = [custom for name in section.texts("presets") for custom in _preset(section, name)]
    found += map(_custom_resource, section.sections("kinds"))
    section.finish()
    for kind, count in Counter(custom.kind for custom in found).items():
        if count > 1:
            raise refuse(section.place, f"{kind.kind} of {kind.api_version} is there twice", "describe a kind once")
    return tuple(found)


def _preset(section: Section, name: str) -> tuple[CustomResource, ...]:
    if name not in PRESETS:
        raise refuse(f"{section.place}.presets", f"{name[:80]!r} is not known", f"write one of {', '.join(PRESETS)}")
    return PRESETS[name]


def _custom_resource(section: Section) -> CustomResource:
    api_version = _matched(section, "api_version", _API_VERSION, "write `group/version`")
    group, _, version = api_version.partition("/")
    kind = _matched(section, "kind", _KIND, "write the kind as objects do")
    resource = _matched(section, "resource", _RESOURCE, "write the plural that the API server uses")
    images, pod_specs = _paths(section, "images"), _paths(section, "pod_specs")
    required = section.flag("images_required") if section.has("images_required") else True
    section.finish()
    if not (images or pod_specs):
        raise refuse(section.place, "no path leads to an image", "write `images` or `pod_specs`")
    return CustomResource(
        kind=GroupVersionKind(group=group, version=version, kind=kind),
        resource=resource,
        images=images,
        pod_specs=pod_specs,
        images_required=required,
    )


def _matched(section: Section, key: str, pattern: re.Pattern[str], remedy: str) -> str:
    text = section.text(key)
    if not pattern.fullmatch(text):
        raise refuse(f"{section.place}.{key}", f"{text[:80]!r} cannot be one", remedy)
    return text


def _paths(section: Section, key: str) -> tuple[FieldPath, ...]:
    try:
        return tuple(map(FieldPath.parse, section.texts(key)))
    except InvalidInput as error:
        raise refuse(f"{section.place}.{key}", error.message, error.remedy) from error
