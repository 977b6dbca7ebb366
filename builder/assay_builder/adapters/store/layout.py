"""Results on disk: an OCI layout, and documents."""

import json
from collections.abc import Sequence
from pathlib import Path

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, Content
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay_builder.image.image import ARCHITECTURE, SYSTEM, Image, render_canonical, render_descriptor


class FolderWriter:
    """Writes into folders that are new, empty, or were written by it before."""

    def write(self, folder: Path, image: Image, referrers: Sequence[tuple[bytes, tuple[bytes, ...]]]) -> None:
        """Write an OCI layout; `index.json` comes last, so that what it names is there.

        The index lists the image and each referrer (OCI image specification 1.1, "image layout"). Raises
        `InvalidInput(folder_in_use)` for a folder with other content, and `Unavailable(folder_unavailable)`.
        """
        try:
            _refuse_foreign(folder, marker="oci-layout")
            blobs = folder / "blobs" / "sha256"
            blobs.mkdir(parents=True, exist_ok=True)
            for content in (image.layer, image.config, image.manifest):
                (blobs / content.digest.hex).write_bytes(content.octets)
            for manifest, parts in referrers:
                for octets in (*parts, manifest):
                    (blobs / Digest.of(octets).hex).write_bytes(octets)
            (folder / "oci-layout").write_bytes(render_canonical({"imageLayoutVersion": "1.0.0"}))
            (folder / "index.json").write_bytes(_render_index(image, [manifest for manifest, _ in referrers]))
        except OSError as error:
            raise _unavailable(folder, error) from error

    def write_documents(self, folder: Path, documents: Sequence[tuple[str, bytes]]) -> None:
        """Write named documents into a folder; raises `Unavailable(folder_unavailable)`."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, octets in documents:
                (folder / name).write_bytes(octets)
        except OSError as error:
            raise _unavailable(folder, error) from error


def _refuse_foreign(folder: Path, *, marker: str) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / marker).is_file():
        raise InvalidInput(
            "folder_in_use", f"{folder} holds something that is not an OCI layout", remedy="name another folder"
        )


def _render_index(image: Image, referrers: Sequence[bytes]) -> bytes:
    platform = {"architecture": ARCHITECTURE, "os": SYSTEM}
    first = render_descriptor(image.manifest.descriptor) | {"platform": platform}
    return render_canonical(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [first, *(_render_referrer(manifest) for manifest in referrers)],
        }
    )


def _render_referrer(manifest: bytes) -> dict[str, object]:
    document = json.loads(manifest)
    content = Content(media_type=OCI_MANIFEST, octets=manifest, digest=Digest.of(manifest))
    return render_descriptor(content.descriptor) | {"artifactType": document["artifactType"]}


def _unavailable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        "folder_unavailable",
        f"{folder} cannot be written: {error.strerror}",
        remedy="check the folder, its rights and free space",
    )
