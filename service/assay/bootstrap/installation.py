"""A configuration file with the paths it names."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from assay.adapters.trust.loading import LoadedTrust, load_trust
from assay.adapters.trust.source import AuthoritySource, KeySource, RemoteKey, RootSource, TrustSources, TufSource
from assay.bootstrap.keys import KeyBook
from assay.configuration.reader import parse_configuration
from assay.configuration.settings import Settings, TrustRootSettings, TufSettings
from assay.domain.errors import ConfigError

_LARGEST = 1024 * 1024  # one byte more is read, for the parser to refuse


def read_configuration(file: Path) -> bytes:
    """The bytes of a configuration file; `ConfigError(configuration_unreadable)`."""
    try:
        with file.open("rb") as handle:
            return handle.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            "configuration_unreadable", f"{file} cannot be read: {error.strerror}", remedy="check path and mode"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Settings, the folder that relative paths in them belong to, and the keys behind URIs that they name."""

    file: Path
    settings: Settings
    keys: KeyBook = field(default_factory=KeyBook, repr=False, compare=False)

    @classmethod
    def load(cls, file: Path) -> "Installation":
        """Read a configuration file; `ConfigError` naming what cannot be used."""
        return cls(file=file.absolute(), settings=parse_configuration(read_configuration(file)))

    def path(self, written: str) -> Path:
        """The absolute path of something the file names."""
        return self.file.parent / written

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.path(self.settings.state)

    @property
    def run(self) -> Path:
        """Where sockets and files of the running processes lie, inside the state folder."""
        return self.state / "run"

    @property
    def cache(self) -> Path:
        """Where verdicts are kept between processes, inside the state folder."""
        return self.state / "cache"

    @property
    def prewarmer_socket(self) -> Path:
        """Where the pre-warmer hears of images."""
        return self.run / "prewarmer.sock"

    @property
    def opa_socket(self) -> Path:
        """OPA's socket."""
        return self.run / "opa.sock"

    def trust_sources(self) -> TrustSources:
        """Where the authorities and trust roots that the file describes are read from."""
        return TrustSources(
            authorities=[
                AuthoritySource(
                    name=authority.name,
                    keys=[
                        KeySource(file=self.path(key.file), valid_from=key.valid_from, valid_until=key.valid_until)
                        for key in authority.keys
                        if key.uri is None
                    ],
                    remote_keys=[
                        RemoteKey(
                            name=str(key.uri),
                            source=self.keys.source(key.uri),
                            valid_from=key.valid_from,
                            valid_until=key.valid_until,
                        )
                        for key in authority.keys
                        if key.uri is not None
                    ],
                    identities=authority.identities,
                    root=authority.trust_root,
                )
                for authority in self.settings.trust.authorities
            ],
            roots=[self._root_source(root) for root in self.settings.trust.roots],
        )

    def load_trust(self, *, offline: bool = False) -> LoadedTrust:
        """Read the keys and trust roots that the file names; `ConfigError` naming what cannot be used.

        Key services are asked unless `offline`; then their keys are missing.
        """
        return load_trust(self.trust_sources(), offline=offline)

    def reread_trust(self) -> TrustSources:
        """The trust that the file describes now.

        Raises `ConfigError(restart_needed)` when something changed that other processes hold on to: the names of
        authorities, quorums, and the repositories of trust roots.
        """
        now = Installation.load(self.file)
        if now.state != self.state or _fixed(now.settings) != _fixed(self.settings):
            raise ConfigError(
                "restart_needed",
                f"{self.file}: names of authorities, quorums or a `tuf` section have changed",
                remedy="restart the service for that",
            )
        return replace(now, keys=self.keys).trust_sources()

    def _root_source(self, root: TrustRootSettings) -> RootSource:
        return RootSource(
            name=root.name,
            profile=root.profile,
            file=self.path(root.file) if root.file else None,
            tuf=self._tuf_source(root.name, root.tuf) if root.tuf is not None else None,
        )

    def _tuf_source(self, name: str, tuf: TufSettings) -> TufSource:
        return TufSource(
            url=tuf.url,
            target=tuf.target,
            bootstrap=self.path(tuf.root) if tuf.root else None,
            ca=self.path(tuf.ca) if tuf.ca else None,
            folder=self.state / "trust" / name,
            refresh=timedelta(seconds=tuf.refresh_seconds),
            max_age=timedelta(seconds=tuf.max_age_seconds),
        )


def _fixed(settings: Settings) -> object:
    trust = settings.trust
    repositories = {root.name: root.tuf for root in trust.roots if root.tuf is not None}
    return {authority.name for authority in trust.authorities}, trust.quorums, repositories
