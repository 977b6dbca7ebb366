"""Public keys in PEM files."""

from pathlib import Path

from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.identity import PublicKey
from assay.formats.public_key import parse_public_key

_LARGEST = 64 * 1024


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
