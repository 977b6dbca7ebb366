"""A configuration file with the paths it names."""

from dataclasses import dataclass
from pathlib import Path

from assay.adapters.trust.file_trust import AuthoritySource, FileTrust, KeySource, RootSource
from assay.configuration.reader import parse_configuration
from assay.configuration.settings import Settings
from assay.domain.errors import ConfigError

_LARGEST = 1024 * 1024  # one byte more is read, for the parser to refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Settings, and the folder that relative paths in them belong to."""

    file: Path
    settings: Settings

    @classmethod
    def load(cls, file: Path) -> "Installation":
        """Read a configuration file; `ConfigError` naming what cannot be used."""
        try:
            with file.open("rb") as handle:
                octets = handle.read(_LARGEST + 1)
        except OSError as error:
            raise ConfigError(
                "configuration_unreadable", f"{file} cannot be read: {error.strerror}", remedy="check path and mode"
            ) from error
        return cls(file=file.absolute(), settings=parse_configuration(octets))

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
    def opa_socket(self) -> Path:
        """OPA's socket."""
        return self.run / "opa.sock"

    def load_trust(self) -> FileTrust:
        """Read the keys and trust roots that the file names; `ConfigError` naming what cannot be used."""
        return FileTrust.load(
            [
                AuthoritySource(
                    name=authority.name,
                    keys=[
                        KeySource(file=self.path(key.file), valid_from=key.valid_from, valid_until=key.valid_until)
                        for key in authority.keys
                    ],
                    identities=authority.identities,
                    root=authority.trust_root,
                )
                for authority in self.settings.authorities
            ],
            [
                RootSource(name=root.name, file=self.path(root.file) if root.file else None, profile=root.profile)
                for root in self.settings.trust_roots
            ],
        )
