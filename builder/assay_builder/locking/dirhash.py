"""The `h1:` hashes of `go.sum` (Go modules reference, "go.sum files")."""

import base64
import hashlib
from collections.abc import Iterable

from assay_builder.module_zip import ModuleZip


def hash_module_zip(module: ModuleZip) -> str:
    """The `h1:` hash over every file of a module zip."""
    return _hash_files(module.files())


def hash_module_file(content: bytes) -> str:
    """The `h1:` hash of a `go.mod`, as the `/go.mod` lines of `go.sum` carry it."""
    return _hash_files([("go.mod", content)])


def _hash_files(files: Iterable[tuple[str, bytes]]) -> str:
    lines = [(name, hashlib.sha256(content).hexdigest()) for name, content in files]
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(lines))
    return "h1:" + base64.b64encode(hashlib.sha256(listing.encode()).digest()).decode()
