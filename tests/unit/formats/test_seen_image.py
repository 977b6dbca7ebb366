"""Seen images on their way: what was written is read back, anything else is refused."""

from dataclasses import replace

import pytest

from assay.domain.artefact import Artefact
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from assay.formats.seen_image import LARGEST, parse_seen_image, render_seen_image

ARTEFACT = Artefact(
    repository=Repository(registry="registry.example:5000", path="shop/api"), digest=Digest.of(b"image"), tag="v1"
)
SEEN = SeenImage(artefact=ARTEFACT, why=Sighting.REPLICA_SET, tenant="shop", environment="production")


@pytest.mark.parametrize("image", [SEEN, SeenImage(artefact=replace(ARTEFACT, tag=""), why=Sighting.NOTIFICATION)])
def test_what_was_written_is_read_back(image: SeenImage) -> None:
    assert parse_seen_image(render_seen_image(image)) == image


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"assay.seen/v1", b"assay.seen/v2"),
        (b'"replica_set"', b'"rumour"'),
        (b"sha256:", b"sha255:"),
        (b'"tenant":"shop"', b'"tenant":""'),
        (b'"tenant"', b'"renter"'),
        (b'"shop/api"', b'"Shop"'),
        (b"}", b',"more":1}'),
        (b"{", b"{ "),
        (b"{", b"["),
        (b'"tag":"v1"', b'"tag":"' + b"v" * LARGEST + b'"'),
    ],
)
def test_anything_else_is_refused(before: bytes, after: bytes) -> None:
    octets = render_seen_image(SEEN)
    assert before in octets
    with pytest.raises(InvalidInput) as caught:
        parse_seen_image(octets.replace(before, after, 1))
    assert caught.value.code == "seen_malformed"
