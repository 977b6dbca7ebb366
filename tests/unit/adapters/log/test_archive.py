from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.log.archive import Archive
from assay.domain.decision import DecisionKind, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.record import DecisionFilter
from assay.tlog.note import SigningKey
from assay.tlog.proof import verify_proof
from tests.fakes.decision import MOMENT, allowed, denied, identifier, image
from tests.fakes.sequencer import open_archive, running, soon

DECISIONS = [denied(0), allowed(1), replace(denied(2), environment="test"), denied(3), allowed(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log") / "state"
    with running(folder) as client:
        for decision in DECISIONS:
            client.record(decision, soon())
    return folder


@pytest.fixture
def archive(folder: Path) -> Archive:
    return open_archive(folder)


def _indexes(archive: Archive, wanted: DecisionFilter, *, tenant: str | None = None) -> list[int]:
    page = archive.list_decisions(wanted, tenant=tenant, limit=10)
    assert (page.damages, page.next) == ((), None)
    return [item.index for item in page.decisions]


def test_decisions_come_newest_first_page_by_page(archive: Archive) -> None:
    first = archive.list_decisions(DecisionFilter(), tenant=None, limit=2)
    second = archive.list_decisions(DecisionFilter(), tenant=None, limit=2, before=first.next)
    third = archive.list_decisions(DecisionFilter(), tenant=None, limit=2, before=second.next)
    assert [[item.index for item in page.decisions] for page in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert third.next is None


@pytest.mark.parametrize(
    ("wanted", "indexes"),
    [
        (DecisionFilter(), [4, 3, 2, 1, 0]),
        (DecisionFilter(image="registry.example/a"), [4, 1]),
        (DecisionFilter(digest=image(content="image 3").digest), [3]),
        (DecisionFilter(tenant="team-b"), [4, 1]),
        (DecisionFilter(environment="test"), [2]),
        (DecisionFilter(verdict=Verdict.DENY), [3, 2, 0]),
        (DecisionFilter(kind=DecisionKind.ADMISSION), [4, 1]),
        (DecisionFilter(code="licence.denied"), [3, 2, 0]),
        (DecisionFilter(policy=Digest.of(b"bundle")), [4, 3, 2, 1, 0]),
        (DecisionFilter(policy=Digest.of(b"other")), []),
        (DecisionFilter(since=MOMENT + timedelta(seconds=1)), [4, 3, 2, 1]),
        (DecisionFilter(until=MOMENT + timedelta(seconds=1)), [0]),
        (DecisionFilter(verdict=Verdict.DENY, environment="prod", code="licence.denied"), [3, 0]),
    ],
)
def test_a_filter_selects(archive: Archive, wanted: DecisionFilter, indexes: list[int]) -> None:
    assert _indexes(archive, wanted) == indexes


def test_a_tenant_sees_its_own_decisions_only(archive: Archive) -> None:
    assert _indexes(archive, DecisionFilter(), tenant="team-b") == [4, 1]
    assert _indexes(archive, DecisionFilter(tenant="team-a"), tenant="team-b") == []
    assert archive.get_decision(identifier(0), tenant="team-b") is None
    assert archive.get_proof(identifier(0), tenant="team-b") is None
    assert archive.get_decision(identifier(0), tenant="team-a") is not None


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_a_limit(archive: Archive, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        archive.list_decisions(DecisionFilter(), tenant=None, limit=limit)


def test_a_decision_is_read_back_whole(archive: Archive) -> None:
    stored, decision = archive.get_decision(identifier(3), tenant=None), DECISIONS[3]
    assert stored is not None
    assert (stored.findings, stored.gaps, stored.rejected) == (decision.findings, decision.gaps, decision.rejected)
    assert (stored.document, stored.preimage) == (decision.document.content(), decision.preimage)
    assert (stored.index, stored.leaf.id, stored.leaf.policy) == (3, decision.id, decision.policy)


def test_every_stored_proof_verifies_offline(archive: Archive, folder: Path) -> None:
    key = (folder / "checkpoint.pub").read_text("ascii")
    for number in range(5):
        stored = archive.get_decision(identifier(number), tenant=None)
        assert stored is not None
        assert verify_proof(stored.proof, stored.octets, key).index == number
        assert archive.get_proof(identifier(number), tenant=None) == stored.proof


def test_an_unknown_decision_is_none(archive: Archive) -> None:
    assert archive.get_decision("unknown", tenant=None) is None
    assert archive.get_proof("unknown", tenant=None) is None


def test_an_intact_log_is_walked_without_damage(archive: Archive) -> None:
    pages = [archive.walk(0, 2), archive.walk(2, 2), archive.walk(4, 2), archive.walk(0, 100), archive.walk(9, 1)]
    assert [page.next for page in pages] == [2, 4, None, None, None]
    assert {(page.size, page.damages) for page in pages} == {(5, ())}


@pytest.mark.parametrize(("start", "limit"), [(-1, 1), (0, 0)])
def test_a_walk_needs_a_start_and_a_length(archive: Archive, start: int, limit: int) -> None:
    with pytest.raises(ValueError, match="a walk"):
        archive.walk(start, limit)


def test_an_empty_log_is_intact(tmp_path: Path) -> None:
    with running(tmp_path / "state"):
        page = open_archive(tmp_path / "state").walk(0, 10)
    assert (page.next, page.size, page.damages) == (None, 0, ())


def test_the_log_is_read_while_it_is_written(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        for number in range(3):
            client.record(denied(number), soon())
            assert open_archive(tmp_path / "state").get_decision(identifier(number), tenant=None) is not None


def test_a_log_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    key = str(SigningKey(name="a", seed=bytes(32)).verifier_key)
    with pytest.raises(Unavailable) as caught:
        Archive(tmp_path, key).get_decision("x", tenant=None)
    assert caught.value.code == "database_unavailable"


def test_a_remembered_checkpoint_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    with running(tmp_path / "state"):
        archive = open_archive(tmp_path / "state")
    archive.walk(0, 1)
    (tmp_path / "state" / "checkpoint").unlink()
    (tmp_path / "state" / "checkpoint").mkdir()
    with pytest.raises(Unavailable) as caught:
        archive.walk(0, 1)
    assert caught.value.code == "database_unavailable"


def test_a_verifier_key_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        Archive(tmp_path, "no key")
    assert caught.value.code == "verifier_key_malformed"
