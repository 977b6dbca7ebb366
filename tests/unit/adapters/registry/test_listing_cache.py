from collections.abc import Callable, Sequence

import pytest

from assay.adapters.registry.listing_cache import Listed, ListingCache, ListingKey
from assay.domain.credential import Credential
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.reference import Repository
from tests.fakes.clock import FrozenClock

APP = Repository.parse("registry.example/app")
OTHER = Repository.parse("registry.example/other")
SUBJECT = Digest.of(b"image")


class Asked:
    """A cache on a clock that is moved by hand, and how often a registry was asked because of it."""

    def __init__(self, *, seconds: float = 60, entries: int = 10, octets: int = 10**6) -> None:
        self.cache = ListingCache(seconds=seconds, entries=entries, octets=octets)
        self.clock = FrozenClock()
        self.times = 0
        self.hits = 0

    def recall(self, key: ListingKey, answer: Listed = None, meanwhile: Callable[[], None] = lambda: None) -> Listed:
        def ask() -> Listed:
            self.times += 1
            meanwhile()
            return answer

        def hit() -> None:
            self.hits += 1

        return self.cache.recall(key, self.clock.monotonic, ask, hit=hit)


def key(
    what: str = "referrers",
    *,
    repository: Repository = APP,
    subject: Digest = SUBJECT,
    credentials: Sequence[Credential | None] = (None,),
) -> ListingKey:
    return ListingKey(repository=repository, subject=subject, what=what, credentials=tuple(credentials))


def entry(text: str = "a/b") -> Descriptor:
    return Descriptor(media_type="a/b", digest=SUBJECT, size=1, annotations=(("k", text),))


@pytest.mark.parametrize("answer", [(), (entry(),), None, Content(media_type="a/b", octets=b"image", digest=SUBJECT)])
def test_a_complete_answer_is_given_again_until_its_time_is_over(answer: Listed) -> None:
    asked = Asked()
    assert asked.recall(key(), answer) == answer
    asked.clock.seconds += 59.9
    assert asked.recall(key(), (entry("other"),)) == answer
    assert (asked.times, asked.hits) == (1, 1)
    asked.clock.seconds += 0.2
    assert asked.recall(key(), (entry("other"),)) == (entry("other"),)


def test_the_time_begins_when_the_registry_is_asked() -> None:
    asked = Asked()

    def wait() -> None:
        asked.clock.seconds += 60

    asked.recall(key(), meanwhile=wait)
    asked.recall(key())
    assert asked.times == 2


@pytest.mark.parametrize(
    "other",
    [
        key(".sig"),
        key(repository=OTHER),
        key(subject=Digest.of(b"other")),
        key(credentials=(Credential(username="u", secret="s"),)),
    ],
)
def test_another_question_or_whoever_else_asks_gets_an_answer_of_its_own(other: ListingKey) -> None:
    asked = Asked()
    asked.recall(key())
    assert asked.recall(other, (entry(),)) == (entry(),)
    assert asked.recall(key(), (entry(),)) is None


def test_an_error_is_not_kept() -> None:
    asked = Asked()

    def fail() -> None:
        raise Unavailable("registry_unavailable", "down", remedy="wait")

    with pytest.raises(Unavailable) as caught:
        asked.recall(key(), meanwhile=fail)
    assert caught.value.code == "registry_unavailable"
    assert asked.recall(key(), (entry(),)) == (entry(),)


def test_forgetting_concerns_one_subject_or_one_repository() -> None:
    asked = Asked()
    others = [key(repository=OTHER), key(subject=Digest.of(b"other"))]
    for known in (key(), key(".sig"), *others):
        asked.recall(known)
    asked.cache.forget(APP, SUBJECT)
    for known in (key(), key(".sig")):
        assert asked.recall(known, (entry(),)) == (entry(),)
    asked.cache.forget_repository(OTHER)
    assert asked.recall(others[0], (entry(),)) == (entry(),)
    assert asked.recall(others[1], (entry(),)) is None


def test_an_answer_that_was_asked_for_before_forgetting_is_not_kept() -> None:
    asked = Asked()
    asked.recall(key(), meanwhile=lambda: asked.cache.forget(APP, SUBJECT))
    assert asked.recall(key(), (entry(),)) == (entry(),)


def test_the_least_recently_used_answers_are_let_go() -> None:
    asked = Asked(entries=2)
    keys = [key(f"{number}") for number in range(3)]
    for known in (keys[0], keys[1], keys[0], keys[2]):
        asked.recall(known)
    before = asked.times
    asked.recall(keys[0])
    asked.recall(keys[2])
    assert asked.times == before
    asked.recall(keys[1])
    assert asked.times == before + 1


def test_long_texts_of_strangers_do_not_fill_the_memory() -> None:
    asked = Asked(octets=100_000)
    for number in range(100):
        asked.recall(key(f"{number}"), (entry("x" * 10_000),))
    assert 0 < asked.cache._held <= 100_000
    asked.recall(key("large"), (entry("x" * 200_000),))
    assert asked.cache._held == 0
