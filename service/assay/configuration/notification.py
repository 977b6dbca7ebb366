"""The section `notifications`: which registries may tell of pushes, and how they are known."""

from collections import Counter

from assay.configuration.listener import parse_address
from assay.configuration.section import Section, refuse
from assay.configuration.server import read_lame_duck_seconds, read_seconds, read_tls
from assay.configuration.settings import NotificationSettings, SourceSettings
from assay.domain.errors import InvalidInput
from assay.domain.notification import NotificationSource, SourceKind

_MOST_SECRETS = 2


def read_notifications(section: Section | None) -> NotificationSettings | None:
    """Read the section; `ConfigError(configuration_invalid)` naming the place.

    Guaranteed: at least one source, each under a name of its own and with one secret or two.
    """
    if section is None:
        return None
    listen = parse_address(section.text("listen"), place=f"{section.place}.listen")
    tls = section.optional_section("tls")
    settings = NotificationSettings(
        listen=listen,
        threads=section.integer("threads", 4, lowest=1, highest=64),
        read_seconds=read_seconds(section),
        lame_duck_seconds=read_lame_duck_seconds(section, default=2),
        tls=read_tls(tls) if tls else None,
        sources=tuple(map(_source, section.sections("sources"))),
    )
    section.finish()
    if not listen.local and settings.tls is None:
        raise refuse(f"{section.place}.listen", f"{listen} can be reached by others without TLS", "add `tls`")
    _refuse_ambiguity(f"{section.place}.sources", settings)
    return settings


def _refuse_ambiguity(place: str, settings: NotificationSettings) -> None:
    names = Counter(item.source.name for item in settings.sources)
    if not names:
        raise refuse(place, "nobody may notify", "describe a source, or remove the section")
    for name, count in names.items():
        if count > 1:
            raise refuse(place, f"{name} is there twice", "give each source a name of its own")


def _source(section: Section) -> SourceSettings:
    kind = section.text("kind")
    if kind not in set(SourceKind):
        raise refuse(f"{section.place}.kind", f"{kind[:40]!r} is not known", f"write one of {', '.join(SourceKind)}")
    secrets = section.texts("secrets", required=True)
    if len(secrets) > _MOST_SECRETS:
        raise refuse(f"{section.place}.secrets", "there are more than two", "keep the secret and the one before it")
    try:
        source = NotificationSource(
            name=section.name("name"),
            kind=SourceKind(kind),
            registry=section.text("registry"),
            prefixes=section.texts("prefixes"),
        )
    except InvalidInput as error:
        raise refuse(section.place, error.message, "write the registry as references do, and paths below it") from error
    section.finish()
    return SourceSettings(source=source, secrets=secrets)
