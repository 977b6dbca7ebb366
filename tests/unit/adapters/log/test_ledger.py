from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, func, select

from assay.adapters.log.connection import migrate, open_writer
from assay.adapters.log.entry import Entry
from assay.adapters.log.ledger import Appended, Head, append_batch
from assay.adapters.log.schema import BLOB, CHECKPOINT, DECISION, LEAF, NODE
from assay.adapters.log.wire import RecordAnswer, Refusal
from assay.tlog.merkle import EMPTY_FRONTIER
from assay.tlog.note import SigningKey
from assay.tlog.proof import verify_proof
from tests.fakes.decision import allowed, denied
from tests.fakes.entry import entry_for

KEY = SigningKey(name="example.org/log", seed=b"s" * 32)
EMPTY = Head(frontier=EMPTY_FRONTIER, note="")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_writer(tmp_path / "log.db")
    migrate(engine)
    yield engine
    engine.dispose()


def _append(engine: Engine, *entries: Entry, head: Head = EMPTY) -> Appended:
    with engine.begin() as connection:
        return append_batch(connection, entries, head=head, key=KEY)


def _verified(answer: object) -> int:
    assert isinstance(answer, RecordAnswer)
    assert verify_proof(answer.proof, answer.leaf, str(KEY.verifier_key)).index == answer.index
    return answer.index


def test_a_batch_is_appended_in_order_and_every_answer_is_proven(engine: Engine) -> None:
    first = _append(engine, *(entry_for(denied(number)) for number in range(5)))
    second = _append(engine, *(entry_for(allowed(number)) for number in range(5, 9)), head=first.head)
    assert [_verified(answer) for answer in (*first.answers, *second.answers)] == list(range(9))


def test_everything_of_a_batch_is_in_its_tables(engine: Engine) -> None:
    _append(engine, entry_for(denied(0)), entry_for(denied(1)), entry_for(denied(2)))
    with engine.begin() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (DECISION, LEAF, NODE, CHECKPOINT, BLOB)
        ]
    assert counts == [3, 3, 4, 1, 4]  # the three have one report in common


def test_the_same_decision_again_is_answered_with_what_is_stored(engine: Engine) -> None:
    first = _append(engine, entry_for(denied(0)), entry_for(denied(1)))
    again = _append(engine, entry_for(denied(0), salt=b"o" * 32), head=first.head)
    assert again.head == first.head
    assert _verified(again.answers[0]) == 0
    assert again.answers[0] == first.answers[0]


def test_the_same_decision_twice_in_a_batch_is_one_leaf(engine: Engine) -> None:
    appended = _append(engine, entry_for(denied(0)), entry_for(denied(0), salt=b"o" * 32))
    assert appended.head.frontier.size == 1
    assert appended.answers[0] == appended.answers[1]


def test_another_decision_under_a_known_id_is_refused(engine: Engine) -> None:
    head = _append(engine, entry_for(denied(0))).head
    other = replace(denied(0), environment="test")
    (answer,) = _append(engine, entry_for(other), head=head).answers
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.retryable) == ("decision_conflict", False)


def test_a_stored_leaf_that_cannot_be_read_is_no_answer(engine: Engine) -> None:
    head = _append(engine, entry_for(denied(0))).head
    with engine.begin() as connection:
        connection.execute(LEAF.update().values(bytes=b"{}"))
    (answer,) = _append(engine, entry_for(denied(0)), head=head).answers
    assert isinstance(answer, Refusal)
    assert answer.code == "decision_conflict"


def test_a_damaged_tree_refuses_the_one_answer_that_needs_it(engine: Engine) -> None:
    head = _append(engine, entry_for(denied(0)), entry_for(denied(1))).head
    with engine.begin() as connection:
        connection.execute(delete(NODE).where(NODE.c.level == 0, NODE.c.idx == 1))
    stored, fresh = _append(engine, entry_for(denied(0)), entry_for(denied(2)), head=head).answers
    assert isinstance(stored, Refusal)
    assert (stored.code, stored.retryable) == ("log_unavailable", True)
    assert _verified(fresh) == 2
