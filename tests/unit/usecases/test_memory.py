"""What a process remembers is bounded by what it takes: nobody makes an entry larger than it counts."""

from dataclasses import replace

from assay.domain.compressed import Compressed
from assay.domain.digest import Digest
from assay.domain.evidence import Rejection
from assay.domain.kept_verdict import JudgedFacts, KeptVerdict
from assay.usecases.memory import Memory
from tests.fakes.kept_verdict import FACTS, kept_verdict
from tests.fakes.verdict_store import MemoryStore

JUNK = tuple(Rejection(id=Digest.of(b"%d" % item), code="bundle_malformed", detail="x" * 500) for item in range(1000))


def counted(kept: KeptVerdict) -> int:
    return Memory(store=MemoryStore()).verdicts.size_of(kept)


def with_facts(facts: JudgedFacts) -> KeptVerdict:
    kept = kept_verdict()
    return replace(kept, found=replace(kept.found, facts=facts))


def test_a_verdict_counts_its_documents_as_they_are_kept() -> None:
    document = Compressed.of(b"".join(Digest.of(b"%d" % number).octets for number in range(1000)))
    grown = counted(with_facts(replace(FACTS, documents=(*FACTS.documents, document)))) - counted(kept_verdict())
    assert grown == len(document.stream)


def test_a_verdict_counts_what_anybody_piled_up_beside_the_image() -> None:
    assert counted(with_facts(replace(FACTS, rejected=JUNK))) - counted(kept_verdict()) > 500 * len(JUNK)
