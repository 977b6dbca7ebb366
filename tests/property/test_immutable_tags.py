"""Whatever is seen of an immutable tag, in whatever order: its first digest counts, and what was accepted."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.tag.tag_book import SqliteTagBook
from assay.domain.artefact import Artefact
from assay.domain.compressed import Compressed
from assay.domain.decision import Stage, StageVerdict, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.incident import IncidentKind, TagSighting, Witness
from assay.domain.kept_verdict import JudgedFacts
from assay.domain.reference import Reference, Repository
from assay.usecases.hold_tags import hold_tags
from assay.usecases.judge import Judged
from assay.usecases.tag_guard import TagGuard
from assay.verification.tag_rule import TagRule
from assay.verification.text_pattern import TextPattern
from tests.fakes.clock import FrozenClock
from tests.fakes.engine import World
from tests.fakes.tag_book import MemoryTagBook

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


@given(
    verdict=st.sampled_from(Verdict),
    accepted=st.sets(st.sampled_from(DIGESTS)),
    pinned=st.booleans(),
    dry_run=st.booleans(),
    down=st.booleans(),
)
def test_holding_tags_never_makes_an_allow(
    verdict: Verdict, accepted: set[Digest], *, pinned: bool, dry_run: bool, down: bool
) -> None:
    book = MemoryTagBook(allowed={(APP, "v1"): sorted(accepted)} if accepted else {})
    book.error = Unavailable("tags_unavailable", "no book", remedy="look") if down else None
    rule = TagRule(repository=TextPattern(glob="registry.example/app"), tags=(TextPattern(glob="v1"),))
    world = World(tags=TagGuard(rules=(rule,), book=book))
    reference = Reference(repository=APP, tag="v1", digest=DIGESTS[0] if pinned else None)
    judged = Judged(
        reference=reference,
        artefact=Artefact(repository=APP, digest=DIGESTS[0], tag="v1"),
        verdict=StageVerdict(stage=Stage.EVIDENCE, verdict=verdict),
        facts=JudgedFacts(documents=(Compressed.of(b"{}"),)),
    )
    (held,) = hold_tags(world.engine(), [judged], dry_run=dry_run)
    may_stand = not down and (not accepted or DIGESTS[0] in accepted)
    assert (held == judged) is may_stand
    assert held.verdict.verdict is not Verdict.ALLOW or (may_stand and verdict is Verdict.ALLOW)
