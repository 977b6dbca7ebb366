"""Reading the configuration file."""

import re

from assay.configuration.break_glass import read_break_glass
from assay.configuration.cluster import read_cluster
from assay.configuration.evidence import read_evidence
from assay.configuration.immutable_tag import read_immutable_tags
from assay.configuration.listener import Address, parse_address
from assay.configuration.notification import read_notifications
from assay.configuration.provider import read_provider
from assay.configuration.registry import read_registries
from assay.configuration.section import Section, open_configuration, refuse
from assay.configuration.server import read_lame_duck_seconds, read_seconds, read_tls
from assay.configuration.settings import CacheSettings, ServiceSettings, Settings, WebhookSettings
from assay.configuration.trust import read_trust
from assay.configuration.webhook import read_coverage, read_exempt_namespace_creators, read_prewarm, read_tenants
from assay.domain.caller import Caller, Role
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput

_ORIGIN = re.compile(r"[a-z0-9][a-z0-9./_-]{0,200}")
_MIB = 1024 * 1024


def parse_configuration(octets: bytes) -> Settings:
    """Parse and validate a configuration file.

    Guaranteed: every field was understood; a service that others can reach has TLS and callers with tokens. Not
    checked: whether the files it names exist. Raises `ConfigError(configuration_invalid)` naming the place.
    """
    root = open_configuration(octets)
    policy, engine = root.section("policy"), root.section("opa")
    limits = root.optional_section("limits") or Section({}, "limits")
    webhook = _webhook(root.optional_section("webhook"))
    trust = read_trust(root)
    settings = Settings(
        state=root.text("state"),
        origin=_origin(root),
        service=_service(root.section("service")),
        webhook=webhook,
        provider=read_provider(root.optional_section("provider")),
        notifications=read_notifications(root.optional_section("notifications")),
        immutable_tags=read_immutable_tags(root.optional_section("immutable_tags")),
        cluster=read_cluster(root.optional_section("cluster"), webhook),
        policy_bundle=policy.text("bundle"),
        rule_data=policy.text("rule_data"),
        opa=engine.text("path"),
        opa_sha256=_digest(engine, "sha256") if engine.has("sha256") else None,
        trust=trust,
        registries=read_registries(root.optional_section("registries") or Section({}, "registries")),
        break_glass=read_break_glass(
            root.optional_section("break_glass"), {item.name for item in trust.authorities}, webhook
        ),
        evidence=read_evidence(root.optional_section("evidence") or Section({}, "evidence")),
        layouts=root.text("layouts", ""),
        cache=_cache(root.optional_section("cache") or Section({}, "cache")),
        request_octets=limits.integer("request_mib", 32, lowest=1, highest=128) * _MIB,
        decision_seconds=limits.integer("decision_seconds", 20, lowest=1, highest=120),
    )
    for section in (policy, engine, limits, root):
        section.finish()
    if settings.opa.startswith("/") and settings.opa_sha256 is None:
        raise refuse("opa.sha256", "a binary at an absolute path needs its digest", "write the SHA-256 of the file")
    if webhook is None and settings.immutable_tags is not None:
        raise refuse("immutable_tags", "tags are held where images are admitted", "add the section `webhook`")
    if webhook is not None and settings.cluster is None and any(rule.labels for rule in webhook.tenants):
        raise refuse("webhook.tenants", "labels of namespaces are known by watching them", "add the section `cluster`")
    if settings.cluster is None and webhook is not None and webhook.prewarm and webhook.prewarm.replica_sets:
        raise refuse("webhook.prewarm.replica_sets", "no cluster is named that has any", "add the section `cluster`")
    return settings


def _cache(section: Section) -> CacheSettings:
    settings = CacheSettings(
        allow_seconds=section.integer("allow_seconds", 300, lowest=1, highest=3600),
        denial_seconds=section.integer("denial_seconds", 15, lowest=1, highest=60),
        listing_seconds=section.integer("listing_seconds", 60, lowest=1, highest=60),
    )
    section.finish()
    return settings


def _origin(root: Section) -> str:
    origin = root.text("origin")
    if not _ORIGIN.fullmatch(origin):
        raise refuse("origin", f"{origin[:80]!r} is not a log origin", "write `your.domain/assay/instance`")
    return origin


def _digest(section: Section, key: str) -> Digest:
    value = section.text(key)
    try:
        return Digest.from_hex(value)
    except InvalidInput as error:
        raise refuse(key, f"{value[:80]!r} is not a SHA-256", "write 64 lower-case hex characters") from error


def _caller(section: Section, *, name: str) -> Caller:
    roles = section.texts("roles", required=True)
    unknown = sorted(set(roles) - set(Role))
    if unknown:
        raise refuse("roles", f"{unknown[0][:40]!r} is not a role", f"choose from {', '.join(Role)}")
    caller = Caller(
        name=name,
        tenant=section.name("tenant"),
        environments=section.names("environments"),
        roles=frozenset(Role(role) for role in roles),
    )
    section.finish()
    return caller


def _callers(section: Section) -> tuple[tuple[Digest, Caller], ...]:
    callers = tuple(
        (_digest(item, "token_sha256"), _caller(item, name=item.name("name"))) for item in section.sections("callers")
    )
    for kind, values in (("token", [token for token, _ in callers]), ("name", [caller.name for _, caller in callers])):
        if len(set(values)) != len(values):
            raise refuse("service.callers", f"two callers have the same {kind}", f"give each its own {kind}")
    return callers


def _service(section: Section) -> ServiceSettings:
    listen = parse_address(section.text("listen"), place="service.listen")
    local, tls = section.optional_section("local"), section.optional_section("tls")
    settings = ServiceSettings(
        listen=listen,
        workers=section.integer("workers", 2, lowest=1, highest=64),
        threads=section.integer("threads", 8, lowest=1, highest=64),
        read_seconds=read_seconds(section),
        lame_duck_seconds=read_lame_duck_seconds(section, default=2),
        tls=read_tls(tls) if tls else None,
        callers=_callers(section),
        local=_caller(local, name="local") if local else None,
    )
    section.finish()
    _refuse_open_doors(listen, settings)
    return settings


def _refuse_open_doors(listen: Address, settings: ServiceSettings) -> None:
    if not settings.callers and settings.local is None:
        raise refuse("service", "nobody may call", "add `local` or `callers`")
    if listen.local:
        return
    if settings.tls is None:
        raise refuse("service.listen", f"{listen} can be reached by others without TLS", "add `tls`")
    if settings.local is not None:
        raise refuse("service.local", f"{listen} can be reached by others", "remove `local`; use `callers` with tokens")


def _webhook(section: Section | None) -> WebhookSettings | None:
    if section is None:
        return None
    coverage = read_coverage(section)
    settings = WebhookSettings(
        listen=parse_address(section.text("listen"), place="webhook.listen"),
        workers=section.integer("workers", 2, lowest=1, highest=64),
        threads=section.integer("threads", 8, lowest=1, highest=64),
        read_seconds=read_seconds(section),
        lame_duck_seconds=read_lame_duck_seconds(section, default=5),
        timeout_seconds=section.integer("timeout_seconds", 10, lowest=1, highest=30),
        tls=read_tls(section.section("tls")),
        tenants=read_tenants(section),
        coverage=coverage,
        exempt_namespace_creators=read_exempt_namespace_creators(section, coverage),
        prewarm=read_prewarm(section.optional_section("prewarm")),
    )
    section.finish()
    return settings
