"""Authorities whose keys lie in PEM files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import rfc8785

from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.identity import Authority, PublicKey
from assay.formats.public_key import parse_public_key

_LARGEST = 64 * 1024  # one byte more is read, for the parser to refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFileTrust:
    """Authorities read once; a new key takes effect with a restart of the service."""

    members: tuple[Authority, ...]

    @classmethod
    def load(cls, authorities: Sequence[tuple[str, Sequence[Path]]]) -> "KeyFileTrust":
        """Read every key file; `ConfigError` naming the file that cannot be used."""
        return cls(
            members=tuple(
                Authority(name=name, keys=tuple(load_public_key(path) for path in paths)) for name, paths in authorities
            )
        )

    def authorities(self) -> Sequence[Authority]:
        """Every configured authority."""
        return self.members

    def digest(self) -> Digest:
        """SHA-256 over the canonical list of names and key ids."""
        members = sorted(self.members, key=lambda member: member.name)
        table = [{"name": member.name, "keys": sorted(str(key.key_id) for key in member.keys)} for member in members]
        return Digest.of(rfc8785.dumps(table))


def load_public_key(path: Path) -> PublicKey:
    """Read one PEM file; `ConfigError(key_file_unusable)` naming it."""
    try:
        with path.open("rb") as file:
            return parse_public_key(file.read(_LARGEST + 1))
    except OSError as error:
        raise ConfigError(
            "key_file_unusable", f"the key file {path} cannot be read: {error.strerror}", remedy="check path and mode"
        ) from error
    except InvalidInput as error:
        raise ConfigError(
            "key_file_unusable", f"the key file {path} is not usable: {error.message}", remedy=error.remedy
        ) from error
