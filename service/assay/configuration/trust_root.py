"""Trust roots: a file, the one that comes with Assay, or a TUF repository that keeps it up to date."""

import re

from assay.configuration.listener import is_local_host
from assay.configuration.section import Section, refuse
from assay.configuration.settings import TrustRootSettings, TufSettings
from assay.domain.errors import ConfigError
from assay.verification.trust_root import TrustProfile

PUBLIC_GOOD_REPOSITORY = "https://tuf-repo-cdn.sigstore.dev"
DEFAULT_TARGET = "trusted_root.json"
_PROFILES = {"public_good": TrustProfile.public_good, "github": TrustProfile.github}
_MOST = 8
_SOURCES = ("file", "public_good", "tuf")
_REPOSITORIES = ("public_good", "mirror", "url")
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
    r"(?:/[A-Za-z0-9._~-]+)*/?"
)
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_HOUR = 3600


def read_trust_root(name: str, section: Section) -> TrustRootSettings:
    """Read one entry of `trust_roots`; `ConfigError(configuration_invalid)` naming the place."""
    written = [source for source in _SOURCES if section.has(source)]
    if len(written) != 1:
        raise refuse(section.place, "it needs one source", f"write exactly one of {', '.join(_SOURCES)}")
    public_good = section.has("public_good") and _true(section)
    file, tuf = section.text("file", ""), section.optional_section("tuf")
    repository = _read_tuf(tuf) if tuf is not None else None
    known = public_good or (repository is not None and not repository.root)
    profile = _read_profile(section, default="public_good" if known else None)
    section.finish()
    return TrustRootSettings(name=name, file=file, tuf=repository, profile=profile)


def _read_tuf(section: Section) -> TufSettings:
    written = [source for source in _REPOSITORIES if section.has(source)]
    if len(written) != 1:
        raise refuse(section.place, "it needs one repository", f"write exactly one of {', '.join(_REPOSITORIES)}")
    plain_http = section.has("plain_http") and section.flag("plain_http")
    if written == ["public_good"]:
        _true(section)
        url = PUBLIC_GOOD_REPOSITORY
    else:
        url = _read_address(section, written[0], plain_http=plain_http)
    settings = TufSettings(
        url=url,
        root=section.text("root") if written == ["url"] else "",
        target=_read_target(section),
        ca=section.text("ca", ""),
        refresh_seconds=section.integer("refresh_minutes", 60, lowest=1, highest=10_080) * 60,
        max_age_seconds=section.integer("max_age_hours", 336, lowest=1, highest=87_600) * _HOUR,
    )
    section.finish()
    if settings.max_age_seconds <= settings.refresh_seconds:
        raise refuse(section.place, "it would be too old before it is refreshed", "raise max_age_hours")
    return settings


def _true(section: Section) -> bool:
    if not section.flag("public_good"):
        raise refuse(section.place, "public_good is true or left out", "write `public_good: true`")
    return True


def _read_address(section: Section, key: str, *, plain_http: bool) -> str:
    written = section.text(key)
    found = _ADDRESS.fullmatch(written)
    if found is None or "/../" in f"{written}/" or "/./" in f"{written}/":
        raise refuse(section.place, f"{written[:80]!r} is not an address", "write https://host/path")
    if found["scheme"] == "http" and not (plain_http or is_local_host(found["host"].strip("[]"))):
        raise refuse(section.place, f"{key} is not encrypted", "use https, or allow it with `plain_http: true`")
    return written.rstrip("/")


def _read_target(section: Section) -> str:
    """A path of plain names: what a repository is asked for never leaves the folder of its targets (CVE-2026-24137)."""
    written = section.text("target", DEFAULT_TARGET)
    if not all(_SEGMENT.fullmatch(segment) for segment in written.split("/")):
        raise refuse(section.place, f"{written[:80]!r} is not a target", "write its name, such as trusted_root.json")
    return written


def _read_profile(section: Section, *, default: str | None) -> TrustProfile:
    value = section.text_or_section("profile") if section.has("profile") or default is None else default
    if isinstance(value, str):
        if value not in _PROFILES:
            raise refuse(section.place, f"{value[:40]!r} is not a profile", f"choose from {', '.join(_PROFILES)}")
        return _PROFILES[value]()
    try:
        profile = TrustProfile(
            log_entries=value.required_integer("log_entries", lowest=0, highest=_MOST),
            scts=value.required_integer("scts", lowest=0, highest=_MOST),
            timestamps=value.required_integer("timestamps", lowest=0, highest=_MOST),
            certificate_chains=value.has("certificate_chains") and value.flag("certificate_chains"),
        )
    except ConfigError as error:
        if error.code != "trust_profile_invalid":
            raise
        raise refuse(value.place, error.message, error.remedy) from error
    value.finish()
    return profile
