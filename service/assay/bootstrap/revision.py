"""What turns evidence into documents, in one digest: the code of this release and how registries are read."""

import hashlib
from pathlib import Path

import assay
from assay.configuration.settings import Settings
from assay.domain.digest import Digest


def engine_revision(settings: Settings) -> Digest:
    """The digest of every line of the package, and of the settings for registries.

    A verdict that other code has reached, or that was read from elsewhere, must not serve; counting versions by hand
    would be forgotten one day.
    """
    package = Path(assay.__file__).parent
    code = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        code.update(f"{source.relative_to(package).as_posix()} ".encode())
        code.update(hashlib.sha256(source.read_bytes()).digest())
    code.update(repr(settings.registries).encode())
    return Digest.from_hex(code.hexdigest())
