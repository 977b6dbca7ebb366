from assay.adapters.registry.content_cache import ContentCache
from assay.domain.descriptor import Content
from assay.domain.digest import Digest
from assay.domain.reference import Repository

REPOSITORY = Repository.parse("registry.example/app")


def content(octets: bytes) -> Content:
    return Content(media_type="a/b", octets=octets, digest=Digest.of(octets))


def test_what_was_kept_is_found_in_its_own_repository_only() -> None:
    cache = ContentCache(1000)
    cache.keep(REPOSITORY, content(b"a"))
    assert cache.find(REPOSITORY, Digest.of(b"a")) == content(b"a")
    assert cache.find(Repository.parse("registry.example/other"), Digest.of(b"a")) is None
    assert cache.find(REPOSITORY, Digest.of(b"b")) is None


def test_the_least_recently_used_is_let_go() -> None:
    cache = ContentCache(32)
    items = [content(b"%02d" % number) for number in range(17)]
    for item in items[:16]:
        cache.keep(REPOSITORY, item)
    assert cache.find(REPOSITORY, items[0].digest)
    cache.keep(REPOSITORY, items[0])
    cache.keep(REPOSITORY, items[16])
    assert cache.find(REPOSITORY, items[1].digest) is None
    assert all(cache.find(REPOSITORY, item.digest) for item in (items[0], items[2], items[16]))


def test_a_large_item_is_not_kept() -> None:
    cache = ContentCache(32)
    cache.keep(REPOSITORY, content(b"abc"))
    assert cache.find(REPOSITORY, Digest.of(b"abc")) is None
    cache.keep(REPOSITORY, content(b"ab"))
    assert cache.find(REPOSITORY, Digest.of(b"ab"))


def test_long_texts_take_little_room_and_come_back_as_they_are() -> None:
    cache = ContentCache(100_000)
    items = [content(b"%02d" % number * 3000) for number in range(50)]
    for item in items:
        cache.keep(REPOSITORY, item)
    assert [cache.find(REPOSITORY, item.digest) for item in items] == items
