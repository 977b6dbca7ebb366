from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, func, select

from assay.adapters.log.connection import driver_connection, open_writer, transaction
from assay.adapters.log.entry import Entry
from assay.adapters.log.ledger import Appended, Head, answer_again, append_batch
from assay.adapters.log.migration import migrate
from assay.adapters.log.schema import BLOB, CHECKPOINT, DECISION, LEAF, NODE
from assay.adapters.log.wire import Answer, RecordAnswer, Refusal
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
    driver = driver_connection(engine)
    with transaction(driver):
        return append_batch(driver, entries, head=head, key=KEY)


def _verified(answer: RecordAnswer, entry: Entry) -> int:
    assert verify_proof(answer.proof, entry.octets, str(KEY.verifier_key)).index == answer.index
    return answer.index


def test_a_batch_is_appended_in_order_and_every_answer_is_proven(engine: Engine) -> None:
    entries = [*(entry_for(denied(number)) for number in range(5)), *(entry_for(allowed(n)) for n in range(5, 9))]
    first = _append(engine, *entries[:5])
    second = _append(engine, *entries[5:], head=first.head)
    answers = (*first.answers, *second.answers)
    assert [_verified(*pair) for pair in zip(answers, entries, strict=True)] == list(range(9))


def test_everything_of_a_batch_is_in_its_tables(engine: Engine) -> None:
    _append(engine, entry_for(denied(0)), entry_for(denied(1)), entry_for(denied(2)))
    with engine.begin() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (DECISION, LEAF, NODE, CHECKPOINT, BLOB)
        ]
    assert counts == [3, 3, 4, 1, 4]  # the three have one report in common


def test_nobody_pays_for_a_proof_that_nobody_wants(engine: Engine) -> None:
    (answer,) = _append(engine, entry_for(denied(0), proven=False)).answers
    assert (answer.index, answer.proof) == (0, "")


def _again(engine: Engine, entry: Entry, head: Head) -> Answer:
    with engine.begin() as connection:
        return answer_again(connection, entry, head)


def test_the_same_decision_again_is_answered_with_what_is_stored(engine: Engine) -> None:
    entries = [entry_for(denied(0)), entry_for(denied(1))]
    head = _append(engine, *entries).head
    again = _again(engine, entry_for(denied(0), salt=b"o" * 32), head)
    assert isinstance(again, RecordAnswer)
    assert again.leaf == entries[0].octets
    assert verify_proof(again.proof, again.leaf, str(KEY.verifier_key)).index == again.index == 0


def test_another_decision_under_a_known_id_is_refused(engine: Engine) -> None:
    head = _append(engine, entry_for(denied(0))).head
    answer = _again(engine, entry_for(replace(denied(0), environment="test")), head)
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.retryable) == ("decision_conflict", False)


@pytest.mark.parametrize("stored", [b"{}", "text"])
def test_a_stored_leaf_that_cannot_be_read_is_no_answer(engine: Engine, stored: object) -> None:
    head = _append(engine, entry_for(denied(0))).head
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE leaf SET bytes = ?", (stored,))
    answer = _again(engine, entry_for(denied(0)), head)
    assert isinstance(answer, Refusal)
    assert answer.code == "decision_conflict"


def test_a_damaged_tree_refuses_the_one_answer_that_needs_it(engine: Engine) -> None:
    head = _append(engine, entry_for(denied(0)), entry_for(denied(1))).head
    with engine.begin() as connection:
        connection.execute(delete(NODE).where(NODE.c.level == 0, NODE.c.idx == 1))
    stored = _again(engine, entry_for(denied(0)), head)
    assert isinstance(stored, Refusal)
    assert (stored.code, stored.retryable) == ("log_unavailable", True)
    fresh = entry_for(denied(2))
    assert _verified(_append(engine, fresh, head=head).answers[0], fresh) == 2
