"""Simple signing payloads: what the layers of a `.sig` tag sign."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.evidence_object import EvidenceObject, malformed
from assay.formats.statement import text_members

IMAGE_SIGNATURE_TYPE = "cosign container image signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleSigning:
    """A payload: the image's digest, what it claims to be, and the annotations with text values.

    The repository in it is bound to nothing and not kept.
    """

    digest: Digest
    type: str
    annotations: tuple[tuple[str, str], ...]


def parse_simple_signing(payload: bytes, *, limits: Limits) -> SimpleSigning:
    """Parse a payload whose signature has been verified.

    Guaranteed: no unknown member outside of `optional`. Not checked: that `type` is `IMAGE_SIGNATURE_TYPE`.
    Raises `InvalidInput(bundle_malformed | evidence_limit)`.
    """
    document = EvidenceObject.parse(payload, what="the payload", known={"critical", "optional"}, limits=limits)
    critical = document.section("critical", known={"identity", "image", "type"})
    critical.section("identity", known={"docker-reference"}).text("docker-reference", default="")
    named = critical.section("image", known={"docker-manifest-digest"}).text("docker-manifest-digest")
    try:
        digest = Digest(named)
    except InvalidInput as error:
        raise malformed("the payload", "it names the image by something else than a SHA-256 digest") from error
    return SimpleSigning(
        digest=digest, type=critical.text("type"), annotations=text_members(document.mapping("optional"))
    )


def render_simple_signing(name: str, digest: Digest, annotations: Sequence[tuple[str, str]]) -> bytes:
    """Render the payload that signs an image; `name` is for readers and bound to nothing."""
    document = {
        "critical": {
            "identity": {"docker-reference": name},
            "image": {"docker-manifest-digest": digest.text},
            "type": IMAGE_SIGNATURE_TYPE,
        },
        "optional": dict(annotations) if annotations else None,
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii")
