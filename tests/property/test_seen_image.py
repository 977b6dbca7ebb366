"""Octets from a socket are a seen image or refused, whatever they are."""

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.artefact import Artefact
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.reference import Repository
from assay.domain.seen_image import SeenImage, Sighting
from assay.formats.seen_image import parse_seen_image, render_seen_image

SEEN = SeenImage(
    artefact=Artefact(repository=Repository(registry="registry.example", path="app"), digest=Digest.of(b"image")),
    why=Sighting.DECISION,
)


@given(st.binary(max_size=300), st.integers(0), st.integers(0, 255))
def test_octets_are_read_whole_or_refused(junk: bytes, place: int, octet: int) -> None:
    good = render_seen_image(SEEN)
    place %= len(good)
    for octets in (junk, good[:place], good + junk, good[:place] + bytes([octet]) + good[place + 1 :]):
        image = _parsed(octets)
        assert image is None or render_seen_image(image) == octets


def _parsed(octets: bytes) -> SeenImage | None:
    """The image, None for what is refused with its code; any other error fails the test."""
    try:
        return parse_seen_image(octets)
    except InvalidInput as error:
        if error.code != "seen_malformed":
            raise
        return None
