"""Where trust comes from, as paths and addresses; nothing is read here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from assay import ports
from assay.domain.identity import IdentityRule
from assay.verification.trust_root import TrustProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where a public key comes from, and the window outside of which it does not count."""

    file: Path
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteKey:
    """A public key that a service keeps under a name, and the window outside of which it does not count."""

    name: str
    source: ports.KeySource
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySource:
    """Where an authority comes from: its keys, its identities, and the name of its trust root, if any."""

    name: str
    keys: Sequence[KeySource]
    remote_keys: Sequence[RemoteKey] = ()
    identities: Sequence[IdentityRule] = ()
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TufSource:
    """A TUF repository with the folder that holds what is known of it, one folder for each trust root.

    `bootstrap` is the file of the root metadata that the repository is trusted by at first, None for that of the
    public-good instance, which comes with Assay. What was confirmed longer ago than `max_age` is not trusted.
    """

    url: str
    target: str
    bootstrap: Path | None
    ca: Path | None
    folder: Path
    refresh: timedelta
    max_age: timedelta

    @property
    def published(self) -> Path:
        """The file with the trusted root that was confirmed last."""
        return self.folder / "published.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSource:
    """Where a trust root comes from: a file, a repository, or with neither the public-good root of Assay.

    Without a profile it demands one of everything that it has a service for.
    """

    name: str
    profile: TrustProfile | None
    file: Path | None = None
    tuf: TufSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSources:
    """Everything that trust is read from."""

    authorities: Sequence[AuthoritySource]
    roots: Sequence[RootSource] = ()

    def remote_keys(self) -> tuple[RemoteKey, ...]:
        """Every key that a service keeps."""
        return tuple(key for authority in self.authorities for key in authority.remote_keys)

    def files(self) -> tuple[Path, ...]:
        """Every file whose content is trusted, there or not."""
        found = [key.file for authority in self.authorities for key in authority.keys]
        for root in self.roots:
            found += [root.file] if root.file is not None else []
            if root.tuf is not None:
                found += [root.tuf.published] + ([root.tuf.bootstrap] if root.tuf.bootstrap is not None else [])
        return tuple(found)
