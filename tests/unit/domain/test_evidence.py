from assay.domain.digest import Digest
from assay.domain.evidence import EvidenceItem, EvidenceShape


def test_an_item_is_identified_by_its_content_alone() -> None:
    bundle = EvidenceItem(shape=EvidenceShape.BUNDLE, content=b"content", source=Digest.of(b"manifest"))
    layer = EvidenceItem(shape=EvidenceShape.LEGACY_SIGNATURE, content=b"content", signature="c2ln")
    assert bundle.digest == layer.digest == Digest.of(b"content")
