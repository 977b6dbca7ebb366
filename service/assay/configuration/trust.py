"""Authorities, the quorums they form, and the trust roots that their evidence is verified with."""

from datetime import UTC, datetime

from assay.configuration.quorum import read_quorums
from assay.configuration.section import Section, refuse
from assay.configuration.settings import AuthoritySettings, KeySettings, TrustSettings
from assay.configuration.trust_root import read_trust_root
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.key_uri import KeyUri, is_key_uri, parse_key_uri
from assay.verification.identity import GithubWorkflow, IdentityPattern, SanType
from assay.verification.text_pattern import TextPattern


def read_trust(root: Section) -> TrustSettings:
    """Read the sections `authorities`, `quorums` and `trust_roots`; every root that is named is there, and used.

    Raises `ConfigError(configuration_invalid)` naming the place.
    """
    authorities = tuple(_read_authority(name, section) for name, section in root.named_sections("authorities"))
    roots = (
        tuple(read_trust_root(name, section) for name, section in root.named_sections("trust_roots"))
        if root.has("trust_roots")
        else ()
    )
    if not authorities:
        raise refuse("authorities", "nobody is trusted", "name at least one authority with its keys or identities")
    known, named = {item.name for item in roots}, {item.trust_root for item in authorities if item.trust_root}
    for name in sorted(named - known):
        raise refuse("authorities", f"the trust root {name!r} is not configured", "add it to trust_roots")
    for name in sorted(known - named):
        raise refuse(f"trust_roots.{name}", "no authority names it", "remove it, or name it as trust_root")
    quorums = read_quorums(root, {item.name for item in authorities})
    return TrustSettings(authorities=authorities, quorums=quorums, roots=roots)


def _read_authority(name: str, section: Section) -> AuthoritySettings:
    place = f"authorities.{name}"
    settings = AuthoritySettings(
        name=name,
        keys=tuple(_read_key(item) for item in section.texts_or_sections("keys")),
        identities=tuple(_read_identity(item) for item in section.sections("identities")),
        trust_root=section.name("trust_root") if section.has("trust_root") else "",
    )
    section.finish()
    if not settings.keys and not settings.identities:
        raise refuse(place, "nobody can meet it", "give it keys or identities")
    if settings.identities and not settings.trust_root:
        raise refuse(place, "identities mean nothing without a trust root", "name one: trust_root")
    if not settings.trust_root and any(key.valid_from or key.valid_until for key in settings.keys):
        raise refuse(place, "a window means nothing without a verified time", "name a trust root: trust_root")
    return settings


def _read_key(item: str | Section) -> KeySettings:
    if isinstance(item, str):
        return KeySettings(uri=_read_uri(item)) if is_key_uri(item) else KeySettings(file=item)
    file, uri = item.text("file", ""), item.text("uri", "")
    if bool(file) == bool(uri):
        raise refuse(item.place, "it needs one source", "write either `file: PATH` or `uri: URI`")
    settings = KeySettings(
        file=file,
        uri=_read_uri(uri) if uri else None,
        valid_from=_read_time(item, "valid_from"),
        valid_until=_read_time(item, "valid_until"),
    )
    item.finish()
    if settings.valid_from and settings.valid_until and settings.valid_until < settings.valid_from:
        raise refuse(item.place, "its window ends before it starts", "exchange valid_from and valid_until")
    return settings


def _read_uri(text: str) -> KeyUri:
    try:
        return parse_key_uri(text)
    except InvalidInput as error:
        raise refuse("authorities", error.message, error.remedy) from error


def _read_time(section: Section, key: str) -> datetime | None:
    written = section.text(key, "")
    if not written:
        return None
    try:
        time = datetime.fromisoformat(written.removesuffix("Z"))
    except ValueError:
        time = None
    if time is None or time.tzinfo is not None or not written.endswith("Z"):
        raise refuse(section.place, f"{key} is not a time in UTC", "write 2026-03-01T12:00:00Z")
    return time.replace(tzinfo=UTC)


def _read_identity(section: Section) -> IdentityPattern:
    try:
        github = section.optional_section("github_workflow")
        pattern = IdentityPattern(
            issuer=_read_issuer(section),
            san=_read_pattern(section, "san"),
            san_type=_read_san_type(section),
            extensions=_read_extensions(section.optional_section("extensions")),
            github=_read_github(github) if github is not None else None,
        )
    except ConfigError as error:
        if error.code != "pattern_invalid":
            raise
        raise refuse(section.place, error.message, error.remedy) from error
    section.finish()
    return pattern


def _read_issuer(section: Section) -> TextPattern | None:
    if not section.has("no_issuer"):
        return _read_pattern(section, "issuer")
    if section.has("issuer") or not section.flag("no_issuer"):
        raise refuse(section.place, "no_issuer stands alone and is true", "write `no_issuer: true` or an issuer")
    return None


def _read_pattern(section: Section, key: str) -> TextPattern:
    """A plain text is exact; a mapping has any of exact, glob and regex, which must all hold."""
    value = section.text_or_section(key)
    if isinstance(value, str):
        return TextPattern(exact=value)
    written = {form: value.text(form, "") for form in ("exact", "glob", "regex")}
    value.finish()
    return TextPattern(**written)


def _read_san_type(section: Section) -> SanType | None:
    written = section.text("san_type", "")
    if written and written not in set(SanType):
        raise refuse(section.place, f"{written[:40]!r} is not a san_type", f"choose from {', '.join(SanType)}")
    return SanType(written) if written else None


def _read_extensions(section: Section | None) -> tuple[tuple[str, TextPattern], ...]:
    if section is None:
        return ()
    found = tuple((name, _read_pattern(section, name)) for name in section.fields())
    if not found:
        raise refuse(section.place, "no claim is named", "name one, or remove the section")
    return found


def _read_github(section: Section) -> GithubWorkflow:
    workflow = GithubWorkflow(repository=section.text("repository"), workflow=section.text("workflow"))
    section.finish()
    return workflow
