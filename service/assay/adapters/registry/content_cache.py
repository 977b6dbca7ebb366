"""Content that was read before: a digest names the same bytes for ever."""

from dataclasses import dataclass

from assay.domain.compressed import Compressed
from assay.domain.descriptor import Content
from assay.domain.digest import Digest
from assay.domain.recent import Recent
from assay.domain.reference import Repository

_LARGEST_SHARE = 16
_WORTH_COMPRESSING = 2 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packed:
    """Content that is not small: a bundle is mostly text in base64, of which a fraction is left."""

    media_type: str
    document: Compressed

    def unpack(self) -> Content:
        return Content(media_type=self.media_type, octets=self.document.content(), digest=self.document.digest)


class ContentCache:
    """Manifests and blobs by repository and digest, the least recently used let go; at most `octets` bytes together.

    The repository belongs to the key: who may read one repository may not read the same bytes in another. An item
    above a sixteenth of the room is not kept, so that a large one cannot push out everything else.
    """

    def __init__(self, octets: int) -> None:
        self._largest = octets // _LARGEST_SHARE
        self._items: Recent[tuple[Repository, Digest], Content | _Packed] = Recent(
            entries=octets, octets=octets, size_of=_octets_of
        )

    def find(self, repository: Repository, digest: Digest) -> Content | None:
        """The content, when it is here."""
        item = self._items.get((repository, digest))
        return item.unpack() if isinstance(item, _Packed) else item

    def keep(self, repository: Repository, content: Content) -> None:
        """Keep content whose digest was checked."""
        if len(content.octets) <= self._largest:
            self._items.put((repository, content.digest), _pack(content))


def _pack(content: Content) -> Content | _Packed:
    if len(content.octets) < _WORTH_COMPRESSING:
        return content
    return _Packed(media_type=content.media_type, document=Compressed.of(content.octets))


def _octets_of(item: Content | _Packed) -> int:
    return len(item.document.stream if isinstance(item, _Packed) else item.octets)
