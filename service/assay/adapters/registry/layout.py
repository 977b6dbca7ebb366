"""An OCI image layout on disk, read as if it were a registry (OCI image specification 1.1, "image layout")."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assay.adapters.registry.rooted_file import FileTooLargeError, RootedFolder
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_INDEX, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import ImageIndex, declared_media_type, parse_index, parse_manifest
from assay.formats.strict_json import parse_json

TAG = "org.opencontainers.image.ref.name"
_VERSION = "1.0.0"
_MARKER_OCTETS = 1024
_BLOBS_PER_REFERRER = 10
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OciLayout:
    """A layout below one configured root; implements the port `Registry`.

    Guaranteed: nothing outside the folder is read and no symbolic link is followed; every blob has the digest it is
    stored under. A layout holds one repository, so the repository a caller names is not looked at. `resolve` and
    `find_manifest` see the tags of `index.json` (`org.opencontainers.image.ref.name`) and every manifest among the
    blobs. Files are read when they are asked for: a layout that changes in between is caught by its digests.
    """

    folder: RootedFolder
    limits: Limits
    index: ImageIndex

    @classmethod
    def open(cls, root: Path, relative: str, *, limits: Limits) -> "OciLayout":
        """Open the layout at a path relative to `root`, with `/` between components.

        Raises `InvalidInput`: `layout_refused` for an absolute path, `..` or a symbolic link, `layout_unknown` when
        there is no such folder, `layout_malformed` when it is not an image layout of version 1.0.0.
        """
        folder = RootedFolder.below(root, relative)
        if not folder.exists():
            raise InvalidInput(
                "layout_unknown", f"there is no layout {folder.name[:200]!r}", remedy="name a folder below the root"
            )
        try:
            marker = folder.read("oci-layout", largest=_MARKER_OCTETS)
            octets = folder.read("index.json", largest=limits.manifest_octets)
        except FileTooLargeError as error:
            raise _malformed(folder, "oci-layout or index.json exceeds its limit") from error
        if marker is None or octets is None:
            raise _malformed(folder, "oci-layout or index.json is missing")
        _require_version(folder, marker)
        try:
            index = parse_index(octets, OCI_INDEX, what=f"index.json of {folder.name}", limits=limits)
        except InvalidInput as error:
            raise _malformed(folder, error.message) from error
        return cls(folder=folder, limits=limits, index=index)

    def resolve(self, reference: Reference, deadline: Deadline) -> Content:
        """The manifest behind a tag or digest; the digest wins."""
        target = reference.digest.text if reference.digest else reference.tag
        content = self.find_manifest(reference.repository, target, deadline)
        if content is None:
            raise InvalidInput(
                "manifest_unknown",
                f"the layout {self.folder.name} has no manifest {target}",
                remedy="name a tag or digest of its index.json",
            )
        return content

    def find_manifest(self, repository: Repository, tag_or_digest: str, deadline: Deadline) -> Content | None:  # noqa: ARG002  # the port's signature
        """The manifest, checked to be one, or None when the layout has none of that name."""
        if tag_or_digest.startswith("sha256:"):
            return self._manifest(Digest(tag_or_digest), deadline)
        digests = {item.digest for item in self.index.manifests if dict(item.annotations).get(TAG) == tag_or_digest}
        if len(digests) > 1:
            raise _malformed(self.folder, f"the tag {tag_or_digest} names {len(digests)} manifests")
        return self._manifest(digests.pop(), deadline) if digests else None

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:  # noqa: ARG002  # the port's signature
        """A blob with exactly the size and digest of its descriptor."""
        if descriptor.size > self.limits.blob_octets:
            raise _limit(f"blob {descriptor.digest}", self.limits.blob_octets)
        try:
            octets = self._blob(descriptor.digest, descriptor.size, deadline)
        except FileTooLargeError as error:
            raise _mismatch(self.folder, descriptor.digest) from error
        if octets is None:
            raise InvalidInput(
                "manifest_malformed",
                f"the layout {self.folder.name} lacks the blob {descriptor.digest}",
                remedy="write the layout again",
            )
        if len(octets) != descriptor.size:
            raise _mismatch(self.folder, descriptor.digest)
        return octets

    def list_referrers(self, repository: Repository, digest: Digest, deadline: Deadline) -> Sequence[Descriptor]:  # noqa: ARG002  # the port's signature
        """Every manifest among `index.json` and the blobs whose subject is the digest, sorted by digest.

        A manifest that `index.json` names and that cannot be read is listed as well: whoever collects evidence shall
        see the damage. Raises `InvalidInput(evidence_limit)` for more than `limits.referrers` of them, or more than ten
        times as many blobs.
        """
        named = {item.digest: replace(item, annotations=()) for item in self.index.manifests}
        found: dict[Digest, Descriptor] = {}
        for candidate in self._stored_digests() | named.keys():
            referrer = self._as_referrer(candidate, named.get(candidate), digest, deadline)
            if referrer is not None:
                found[candidate] = referrer
        if len(found) > self.limits.referrers:
            raise _limit(f"the referrers of {digest}", self.limits.referrers)
        return [found[item] for item in sorted(found)]

    def _as_referrer(
        self, candidate: Digest, named: Descriptor | None, subject: Digest, deadline: Deadline
    ) -> Descriptor | None:
        try:
            octets = self._blob(candidate, self.limits.manifest_octets, deadline)
            if octets is None or b'"subject"' not in octets:
                return None
            media_type = declared_media_type(octets, what=candidate.text, limits=self.limits)
            parsed = parse_manifest(octets, media_type, what=candidate.text, limits=self.limits)
        except FileTooLargeError:
            return None
        except InvalidInput:
            return named
        if parsed.subject is None or parsed.subject.digest != subject:
            return None
        kind = parsed.artifact_type if isinstance(parsed, ImageIndex) else parsed.effective_artifact_type
        return Descriptor(media_type=media_type, digest=candidate, size=len(octets), artifact_type=kind)

    def _stored_digests(self) -> set[Digest]:
        most = self.limits.referrers * _BLOBS_PER_REFERRER
        names = self.folder.names("blobs", "sha256", most=most)
        if len(names) > most:
            raise _limit(f"the blobs of the layout {self.folder.name}", most)
        return {Digest.from_hex(name) for name in names if _HEX.fullmatch(name)}

    def _manifest(self, digest: Digest, deadline: Deadline) -> Content | None:
        what = f"layout {self.folder.name}, manifest {digest}"
        try:
            octets = self._blob(digest, self.limits.manifest_octets, deadline)
        except FileTooLargeError as error:
            raise _limit(what, self.limits.manifest_octets) from error
        if octets is None:
            return None
        named = [item.media_type for item in self.index.manifests if item.digest == digest]
        media_type = named[0] if named else declared_media_type(octets, what=what, limits=self.limits)
        parse_manifest(octets, media_type, what=what, limits=self.limits)
        return Content(media_type=media_type, octets=octets, digest=digest)

    def _blob(self, digest: Digest, largest: int, deadline: Deadline) -> bytes | None:
        deadline.remaining(f"the layout {self.folder.name}")
        octets = self.folder.read("blobs", "sha256", digest.hex, largest=largest)
        if octets is not None and Digest.of(octets) != digest:
            raise _mismatch(self.folder, digest)
        return octets


def _require_version(folder: RootedFolder, marker: bytes) -> None:
    try:
        document = parse_json(marker, what="oci-layout", largest=_MARKER_OCTETS)
    except InvalidInput as error:
        raise _malformed(folder, error.message) from error
    if not isinstance(document, dict) or document.get("imageLayoutVersion") != _VERSION:
        raise _malformed(folder, f"oci-layout does not say version {_VERSION}")


def _malformed(folder: RootedFolder, why: str) -> InvalidInput:
    return InvalidInput(
        "layout_malformed", f"{folder.name[:200]!r} is no OCI image layout: {why}", remedy="write the layout again"
    )


def _mismatch(folder: RootedFolder, digest: Digest) -> InvalidInput:
    return InvalidInput(
        "digest_mismatch",
        f"the layout {folder.name} holds other bytes under {digest}",
        remedy="write the layout again; find out who changed it",
    )


def _limit(what: str, most: int) -> InvalidInput:
    return InvalidInput("evidence_limit", f"{what}: more than the limit of {most}", remedy="use smaller or fewer items")
