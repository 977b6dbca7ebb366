"""Trust roots from files and from what a TUF repository confirmed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from assay.adapters.trust.source import RootSource, TufSource
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.limit import Limits
from assay.domain.root_origin import RootOrigin
from assay.domain.root_origin import RootSource as Origin
from assay.formats.published_root import LARGEST, PublishedRoot, parse_published_root
from assay.formats.trusted_root import parse_trusted_root
from assay.verification.root_builder import build_trust_root
from assay.verification.trust_root import TrustProfile, TrustRoot

SHIPPED_AT = datetime(2026, 11, 21, tzinfo=UTC)
"""The day on which the public-good root that comes with this release was taken over."""
SHIPPED_TARGET = "trusted_root.json"
_LARGEST = 1024 * 1024
_SHIPPED_PLACE = "the public-good trusted root of Assay"
_TOLERATED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRoot:
    """A trust root with its origin; `root` is None as long as nothing vouches for any."""

    root: TrustRoot | None
    origin: RootOrigin


def load_root(source: RootSource) -> LoadedRoot:
    """Read a trust root; `ConfigError(trusted_root_unusable)` naming the file.

    From a repository it is what that repository confirmed last; before the first time it is the public-good root
    that comes with Assay where that is the root asked for, and otherwise none.
    """
    if source.tuf is not None:
        return _load_tuf(source, source.tuf)
    octets = _read_octets(source.file, shipped=SHIPPED_TARGET)
    place = str(source.file) if source.file is not None else _SHIPPED_PLACE
    kind = Origin.FILE if source.file is not None else Origin.SHIPPED
    return LoadedRoot(root=build_root(octets, source, place), origin=RootOrigin(source=kind, place=place))


def _read_octets(file: Path | None, *, shipped: str) -> bytes:
    """The bytes of a file, or of one that comes with Assay; `ConfigError(trusted_root_unusable)`."""
    if file is None:
        return files("assay.adapters.trust").joinpath("public_good", shipped).read_bytes()
    try:
        with file.open("rb") as handle:
            return handle.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            "trusted_root_unusable", f"{file} cannot be read: {error.strerror}", remedy="check path and mode"
        ) from error


def read_bootstrap(source: TufSource) -> bytes:
    """The root metadata that a repository is trusted by at first; `ConfigError(trusted_root_unusable)`."""
    return _read_octets(source.bootstrap, shipped="tuf_root.json")


def build_root(octets: bytes, source: RootSource, place: str) -> TrustRoot:
    """The trust root of a document; `ConfigError(trusted_root_unusable)` naming the place."""
    try:
        document = parse_trusted_root(octets, limits=Limits())
        fitting = TrustProfile.of_services(log=bool(document.logs), ct_log=bool(document.ct_logs))
        return build_trust_root(document, source.profile or fitting, source.name)
    except (InvalidInput, ConfigError) as error:
        raise ConfigError(
            "trusted_root_unusable", f"{place} is not usable: {error.message}", remedy=error.remedy
        ) from error


def read_published(tuf: TufSource) -> PublishedRoot | None:
    """What the repository confirmed last; None when there is nothing yet, or it was another repository.

    Raises `ConfigError(trusted_root_unusable)` for a file that is not what a refresh wrote.
    """
    try:
        with tuf.published.open("rb") as handle:
            octets = handle.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            "trusted_root_unusable", f"{tuf.published} cannot be read: {error.strerror}", remedy="check its mode"
        ) from error
    try:
        published = parse_published_root(octets)
    except InvalidInput as error:
        raise ConfigError(
            "trusted_root_unusable", f"{tuf.published} is not usable: {error.message}", remedy=error.remedy
        ) from error
    asked = (tuf.url, tuf.target, Digest.of(read_bootstrap(tuf)))
    return published if (published.repository, published.target, published.bootstrap) == asked else None


def is_due(tuf: TufSource, now: datetime) -> bool:
    """Whether it is time to ask the repository again; what cannot be read, or is of the future, is due."""
    try:
        published = read_published(tuf)
    except ConfigError:
        published = None
    return published is None or not timedelta(0) <= now - published.fetched_at < tuf.refresh


def _load_tuf(source: RootSource, tuf: TufSource) -> LoadedRoot:
    published = read_published(tuf)
    if published is not None:
        place = f"{tuf.url} ({tuf.target})"
        origin = RootOrigin(
            source=Origin.TUF,
            place=place,
            fetched_at=published.fetched_at,
            trusted_until=published.fetched_at + tuf.max_age,
            versions=published.versions,
        )
        return LoadedRoot(root=build_root(published.octets, source, place), origin=origin)
    if tuf.bootstrap is None and tuf.target == SHIPPED_TARGET:
        octets = _read_octets(None, shipped=SHIPPED_TARGET)
        origin = RootOrigin(
            source=Origin.SHIPPED,
            place=_SHIPPED_PLACE,
            fetched_at=SHIPPED_AT,
            trusted_until=SHIPPED_AT + tuf.max_age,
        )
        return LoadedRoot(root=build_root(octets, source, _SHIPPED_PLACE), origin=origin)
    return LoadedRoot(root=None, origin=RootOrigin(source=Origin.TUF, place=f"{tuf.url} ({tuf.target})"))


def why_unavailable(loaded: LoadedRoot, now: datetime) -> str:
    """Why a trust root does not count at this moment; empty when it does."""
    origin = loaded.origin
    if loaded.root is None:
        return f"nothing was fetched from {origin.place} yet"
    if origin.trusted_until is not None and now > origin.trusted_until:
        return f"it was last confirmed at {origin.fetched_at:%Y-%m-%dT%H:%M:%SZ}, which is too long ago"
    if origin.fetched_at is not None and origin.fetched_at > now + _TOLERATED:
        return "it was confirmed in the future: the clock is wrong"
    return ""
