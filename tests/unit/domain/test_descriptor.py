import pytest

from assay.domain.descriptor import OCI_MANIFEST, Content, Descriptor
from assay.domain.digest import Digest


def test_content_has_the_descriptor_of_its_bytes() -> None:
    content = Content(media_type=OCI_MANIFEST, octets=b"{}", digest=Digest.of(b"{}"))
    assert content.descriptor == Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b"{}"), size=2)


def test_content_under_another_digest_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="does not have the digest"):
        Content(media_type=OCI_MANIFEST, octets=b"{}", digest=Digest.of(b"other"))


def test_a_negative_size_cannot_be_built() -> None:
    assert Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b""), size=0)
    with pytest.raises(ValueError, match="negative size"):
        Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b""), size=-1)
