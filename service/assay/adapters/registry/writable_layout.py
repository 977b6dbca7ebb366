"""An OCI image layout on disk that can be added to (OCI image specification 1.1, "image layout")."""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.adapters.registry.layout import TAG, OciLayout
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_INDEX, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import parse_manifest
from assay.ports import Amend

_Entry = dict[str, Any]
_MARKER = b'{"imageLayoutVersion":"1.0.0"}'


class WritableLayout:
    """A layout of the user's own; implements the port `WritableRegistry`.

    Guaranteed: blobs come before the manifests that name them, `index.json` last, and each file appears whole or not
    at all. Reads look at the folder as it is at that moment, with the guarantees of `OciLayout`. One process at a time
    may write. The repository a caller names is not looked at: a layout holds one.
    """

    def __init__(self, folder: Path, *, limits: Limits) -> None:
        self._folder = folder.absolute()
        self._limits = limits

    @classmethod
    def create(cls, folder: Path, *, limits: Limits) -> "WritableLayout":
        """Make a folder that does not exist, or is empty, an empty layout.

        Raises `InvalidInput(folder_in_use)` and `Unavailable(folder_unavailable)`.
        """
        try:
            if folder.exists() and any(folder.iterdir()):
                raise InvalidInput("folder_in_use", f"{folder} is not empty", remedy="name another folder")
            folder.mkdir(parents=True, exist_ok=True)
            layout = cls(folder, limits=limits)
            layout._write(folder.absolute() / "oci-layout", _MARKER)
            layout._save([])
        except OSError as error:
            raise _unavailable(folder, error) from error
        return layout

    def resolve(self, reference: Reference, deadline: Deadline) -> Content:
        """The manifest behind a tag or digest; the digest wins."""
        return self._open().resolve(reference, deadline)

    def find_manifest(self, repository: Repository, tag_or_digest: str, deadline: Deadline) -> Content | None:
        """The manifest, checked to be one, or None when the layout has none of that name."""
        return self._open().find_manifest(repository, tag_or_digest, deadline)

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:
        """A blob with exactly the size and digest of its descriptor."""
        return self._open().fetch_blob(repository, descriptor, deadline)

    def list_referrers(self, repository: Repository, digest: Digest, deadline: Deadline) -> Sequence[Descriptor]:
        """Every manifest whose subject is the digest."""
        return self._open().list_referrers(repository, digest, deadline)

    def push_blob(self, repository: Repository, content: bytes | Content, deadline: Deadline) -> Descriptor:  # noqa: ARG002  # the port's signature
        """Store a blob unless it is there; raises `Unavailable(folder_unavailable | deadline_exceeded)`."""
        octets, digest = (
            (content.octets, content.digest) if isinstance(content, Content) else (content, Digest.of(content))
        )
        deadline.remaining(f"the layout {self._folder.name}")
        try:
            path = self._folder / "blobs" / "sha256" / digest.hex
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._write(path, octets)
        except OSError as error:
            raise _unavailable(self._folder, error) from error
        return Descriptor(media_type="application/octet-stream", digest=digest, size=len(octets))

    def push_manifest(
        self, repository: Repository, manifest: bytes, media_type: str, deadline: Deadline, *, tag: str = ""
    ) -> Descriptor:
        """Store a manifest and name it in `index.json`; a tag moves to it.

        Raises `InvalidInput(manifest_malformed)` for what is no manifest.
        """
        parse_manifest(manifest, media_type, what=f"manifest {Digest.of(manifest)}", limits=self._limits)
        entries = self._read_entries()
        digest = self.push_blob(repository, manifest, deadline).digest
        self._save(_with(entries, {"mediaType": media_type, "size": len(manifest), "digest": digest.text}, tag))
        return Descriptor(media_type=media_type, digest=digest, size=len(manifest))

    def amend_tag(self, repository: Repository, tag: str, amend: Amend, deadline: Deadline) -> Content:
        """Change what is under a tag; what the tag holds then."""
        found = self.find_manifest(repository, tag, deadline)
        amended = amend(found)
        if amended is not None:
            self.push_manifest(repository, amended.octets, amended.media_type, deadline, tag=tag)
        held = amended or found
        if held is None:
            raise ValueError("a tag that does not exist lacks whatever it is to have")
        return held

    def _open(self) -> OciLayout:
        return OciLayout.open(self._folder.parent, self._folder.name, limits=self._limits)

    def _read_entries(self) -> list[_Entry]:
        """The entries of `index.json` with every member that they have; `open` has looked at them."""
        octets = self._open().folder.read("index.json", largest=self._limits.manifest_octets) or b"{}"
        return list(json.loads(octets)["manifests"])

    def _save(self, entries: Sequence[_Entry]) -> None:
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
        try:
            self._write(self._folder / "index.json", json.dumps(document, separators=(",", ":")).encode())
        except OSError as error:
            raise _unavailable(self._folder, error) from error

    def _write(self, path: Path, content: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        written = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            written.chmod(0o644)
            written.replace(path)
        except OSError:
            written.unlink(missing_ok=True)
            raise


def _with(entries: Sequence[_Entry], pushed: _Entry, tag: str) -> list[_Entry]:
    """The entries with this one: a tag is taken from whatever had it, an untagged manifest is named once."""
    if not tag:
        known = any(entry["digest"] == pushed["digest"] for entry in entries)
        return [*entries] if known else [*entries, pushed]
    kept = [entry for entry in entries if (entry.get("annotations") or {}).get(TAG) != tag]
    return [*kept, pushed | {"annotations": {TAG: tag}}]


def _unavailable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        "folder_unavailable",
        f"{folder} cannot be written: {error.strerror}",
        remedy="check the folder, its rights and free space",
    )
