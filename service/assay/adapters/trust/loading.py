"""Reading everything that is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from assay.adapters.trust.key_file import load_public_key
from assay.adapters.trust.root_file import LoadedRoot, load_root, why_unavailable
from assay.adapters.trust.source import AuthoritySource, RemoteKey, TrustSources
from assay.domain.errors import Unavailable
from assay.domain.identity import Authority, MissingKey, PublicKey
from assay.verification.trust_snapshot import TrustSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedKey:
    """A key that a service keeps as it was confirmed last; `key` is None, and `why` says why, when there is none.

    After `trusted_until` it counts no longer.
    """

    name: str
    key: PublicKey | None
    trusted_until: datetime | None = None
    why: str = ""

    def counts_at(self, now: datetime) -> bool:
        """Whether somebody has confirmed the key not too long ago."""
        return self.key is not None and (self.trusted_until is None or now <= self.trusted_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAuthority:
    """An authority with the keys that were read from its files, and those that services keep."""

    source: AuthoritySource
    keys: tuple[PublicKey, ...]
    remote_keys: tuple[LoadedKey, ...] = ()

    def at(self, now: datetime) -> Authority:
        """The authority at this moment: a key that nobody has confirmed for too long is missing."""
        return Authority(
            name=self.source.name,
            keys=(*self.keys, *(loaded.key for loaded in self.remote_keys if loaded.key and loaded.counts_at(now))),
            missing_keys=tuple(
                MissingKey(name=loaded.name, why=loaded.why or "nobody has confirmed it for too long")
                for loaded in self.remote_keys
                if not loaded.counts_at(now)
            ),
            identities=tuple(self.source.identities),
            root=self.source.root,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTrust:
    """Authorities and trust roots as they were read; which roots and remote keys count depends on the time."""

    authorities: tuple[LoadedAuthority, ...]
    roots: Mapping[str, LoadedRoot] = field(hash=False)

    def at(self, now: datetime) -> TrustSnapshot:
        """What is trusted at this moment."""
        reasons = {name: why_unavailable(loaded, now) for name, loaded in self.roots.items()}
        return TrustSnapshot.of(
            [authority.at(now) for authority in self.authorities],
            {name: loaded.root for name, loaded in self.roots.items() if loaded.root and not reasons[name]},
            unavailable={name: reason for name, reason in reasons.items() if reason},
            origins={name: loaded.origin for name, loaded in self.roots.items()},
        )

    def with_remote_keys(self) -> "LoadedTrust":
        """The same files with the remote keys as they are known now; asks nobody."""
        return replace(self, authorities=tuple(_with_remote_keys(authority) for authority in self.authorities))

    def ends(self) -> tuple[datetime, ...]:
        """The moments after which something counts no longer."""
        roots = [loaded.origin.trusted_until for loaded in self.roots.values()]
        keys = [key.trusted_until for authority in self.authorities for key in authority.remote_keys]
        return tuple(end for end in (*roots, *keys) if end is not None)


def load_trust(sources: TrustSources, *, offline: bool = False) -> LoadedTrust:
    """Read every file and, unless `offline`, ask for every remote key that is not known or not fresh.

    A key service that does not answer leaves its keys missing; all of them together take as long as one call. Raises
    `ConfigError` naming the file that cannot be used (`key_file_unusable`, `trusted_root_unusable`), or the key that
    this installation has no way to ask for.
    """
    loaded = LoadedTrust(
        authorities=tuple(LoadedAuthority(source=source, keys=_load_keys(source)) for source in sources.authorities),
        roots={source.name: load_root(source) for source in sources.roots},
    )
    if not offline:
        ask_remote_keys(sources)
    return loaded.with_remote_keys()


def ask_remote_keys(sources: TrustSources) -> None:
    """Ask for the remote keys that are due, all at once, and wait as long as one call may take.

    Raises `ConfigError` when this installation has no way to ask for one of them.
    """
    for key in sources.remote_keys():
        key.source.refresh()
    for key in sources.remote_keys():
        key.source.wait()


def _load_keys(source: AuthoritySource) -> tuple[PublicKey, ...]:
    return tuple(
        replace(load_public_key(key.file), valid_from=key.valid_from, valid_until=key.valid_until)
        for key in source.keys
    )


def _with_remote_keys(authority: LoadedAuthority) -> LoadedAuthority:
    return replace(authority, remote_keys=tuple(_read_remote_key(key) for key in authority.source.remote_keys))


def _read_remote_key(remote: RemoteKey) -> LoadedKey:
    try:
        confirmed = remote.source.public_key()
    except Unavailable as error:
        return LoadedKey(name=remote.name, key=None, why=error.message)
    key = replace(confirmed.key, valid_from=remote.valid_from, valid_until=remote.valid_until)
    return LoadedKey(name=remote.name, key=key, trusted_until=confirmed.trusted_until)
