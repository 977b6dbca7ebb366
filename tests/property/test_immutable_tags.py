"""Whatever is seen of an immutable tag, in whatever order: its first digest counts, and what was accepted."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.tag.tag_book import SqliteTagBook
from assay.domain.digest import Digest
from assay.domain.incident import IncidentKind, TagSighting, Witness
from assay.domain.reference import Reference, Repository
from tests.fakes.clock import FrozenClock

APP = Repository(registry="registry.example", path="app")
DIGESTS = [Digest.of(bytes([number])) for number in range(4)]
NOW = FrozenClock().now()
SEEN = TagSighting(repository=APP, tag="v1", digest=DIGESTS[0], witness=Witness.NOTIFICATION, at=NOW)
STEPS = st.lists(st.tuples(st.sampled_from(["see", "accept"]), st.sampled_from(DIGESTS)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=40)
@given(STEPS)
def test_a_digest_counts_when_it_was_the_first_or_was_accepted(steps: list[tuple[str, Digest]]) -> None:
    with TemporaryDirectory() as folder:
        book = SqliteTagBook(Path(folder))
        accepted: set[Digest] = set()
        moved: set[Digest] = set()
        for step, digest in steps:
            if step == "see":
                accepted |= set() if accepted else {digest}
                moved |= {digest} - accepted
                assert book.see(replace(SEEN, digest=digest)) is (digest in accepted)
            elif digest in moved - accepted:
                reference = Reference(repository=APP, tag="v1", digest=digest)
                book.accept(reference, by="alice", reason="it is meant", at=NOW)
                accepted.add(digest)
            assert book.accepted(APP, "v1") == accepted
        incidents = book.incidents()
        assert {item.found for item in incidents if item.kind is IncidentKind.MOVED} == moved
