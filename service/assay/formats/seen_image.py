"""Images that were seen, on their way to the process that verifies them: `assay.seen/v1`, canonical JSON."""

from assay.domain.artefact import Artefact
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from assay.formats.member import Members
from assay.tlog.canonical import ShapeError, parse_object, render_canonical

LARGEST = 4096
"""Octets of one image: names of registries, repositories, tags, tenants and environments are bounded."""
_SCHEMA = "assay.seen/v1"
_CODE = "seen_malformed"


def render_seen_image(image: SeenImage) -> bytes:
    """The canonical bytes of a seen image."""
    artefact = image.artefact
    return render_canonical(
        {
            "schema": _SCHEMA,
            "registry": artefact.repository.registry,
            "repository": artefact.repository.path,
            "digest": artefact.digest.text,
            "tag": artefact.tag,
            "why": image.why.value,
            "tenant": image.tenant,
            "environment": image.environment,
        }
    )


def parse_seen_image(octets: bytes) -> SeenImage:
    """Read back what `render_seen_image` wrote; `InvalidInput(seen_malformed)` for anything else.

    Not checked: that anybody has such an image.
    """
    try:
        if len(octets) > LARGEST:
            raise ShapeError("it is too large")
        image = _read(Members(parse_object(octets), place="image", code=_CODE))
        if render_seen_image(image) != octets:
            raise ShapeError("it is not in canonical form")
    except (ValueError, InvalidInput) as error:
        raise InvalidInput(_CODE, f"this is no {_SCHEMA}: {str(error)[:300]}", remedy="restart the service") from error
    return image


def _read(members: Members) -> SeenImage:
    if members.text("schema") != _SCHEMA:
        raise ShapeError("it is of another schema")
    image = SeenImage(
        artefact=Artefact(
            repository=Repository(registry=members.text("registry"), path=members.text("repository")),
            digest=Digest(members.text("digest")),
            tag=members.text("tag"),
        ),
        why=Sighting(members.text("why")),
        tenant=members.text("tenant"),
        environment=members.text("environment"),
    )
    members.finish()
    return image
