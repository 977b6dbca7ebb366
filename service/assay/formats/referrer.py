"""The manifest that attaches a bundle to an image (OCI image specification 1.1, `subject`)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from assay.domain.descriptor import OCI_EMPTY, OCI_MANIFEST, SIGSTORE_BUNDLE, Descriptor
from assay.domain.digest import Digest

EMPTY_BLOB = b"{}"
"""The config blob of every such manifest; it must be in the repository before the manifest."""


def render_referrer(*, subject: Descriptor, bundle: bytes, predicate_type: str, created: datetime) -> bytes:
    """Render the manifest for a bundle with a DSSE envelope; the bundle is its only layer.

    The annotations are hints for listings: nobody may trust them. `created` is an aware time, written in UTC with
    whole seconds (`ValueError` for a naive one).
    """
    notes = {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate_type}
    return _render(subject, SIGSTORE_BUNDLE, bundle, notes, created)


def render_document_referrer(*, subject: Descriptor, document: bytes, media_type: str, created: datetime) -> bytes:
    """Render the manifest for a document without a signature; it is the only layer and its type that of the artefact.

    `created` is as for `render_referrer`.
    """
    return _render(subject, media_type, document, {}, created)


def _render(subject: Descriptor, kind: str, content: bytes, notes: Mapping[str, str], created: datetime) -> bytes:
    if created.tzinfo is None:
        raise ValueError("the time needs a time zone")
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": _descriptor(OCI_EMPTY, Digest.of(EMPTY_BLOB), len(EMPTY_BLOB)),
        "layers": [_descriptor(kind, Digest.of(content), len(content))],
        "subject": _descriptor(subject.media_type, subject.digest, subject.size),
        "annotations": {
            **notes,
            "org.opencontainers.image.created": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }
    return json.dumps(manifest, separators=(",", ":")).encode("ascii")


def _descriptor(media_type: str, digest: Digest, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(digest), "size": size}
