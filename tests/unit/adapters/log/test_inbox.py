import threading

import pytest

from assay.adapters.log.inbox import Inbox, Ticket
from assay.adapters.log.wire import PingAnswer
from assay.domain.errors import Unavailable


def _ticket(octets: int = 1) -> Ticket:
    return Ticket(entry=None, octets=octets, deadline=0)


def test_tickets_come_out_in_order_and_all_at_once() -> None:
    inbox, tickets = Inbox(places=10, octets=100), [_ticket() for _ in range(5)]
    for ticket in tickets:
        inbox.put(ticket)
    assert inbox.take(3) == tickets[:3]
    assert inbox.take(3) == tickets[3:]


def test_a_full_inbox_refuses_and_takes_again_when_there_is_room() -> None:
    inbox = Inbox(places=1, octets=100)
    inbox.put(_ticket())
    with pytest.raises(Unavailable) as caught:
        inbox.put(_ticket())
    assert caught.value.code == "log_overloaded"
    inbox.take(1)
    inbox.put(_ticket())


def test_the_bytes_that_wait_are_bounded_too() -> None:
    inbox = Inbox(places=10, octets=100)
    inbox.put(_ticket(60))
    with pytest.raises(Unavailable) as caught:
        inbox.put(_ticket(60))
    assert caught.value.code == "log_overloaded"
    inbox.take(1)
    inbox.put(_ticket(60))


def test_a_closed_inbox_hands_out_what_it_has_and_takes_no_more() -> None:
    inbox, ticket = Inbox(places=10, octets=100), _ticket()
    inbox.put(ticket)
    inbox.close()
    with pytest.raises(Unavailable) as caught:
        inbox.put(_ticket())
    assert caught.value.code == "log_unavailable"
    assert [inbox.take(5), inbox.take(5)] == [[ticket], []]


def test_closing_wakes_who_waits_for_tickets() -> None:
    inbox, taken = Inbox(places=10, octets=100), list[list[Ticket]]()
    thread = threading.Thread(target=lambda: taken.append(inbox.take(1)))
    thread.start()
    inbox.close()
    thread.join(5)
    assert taken == [[]]


def test_a_waiter_gets_its_answer_or_nothing_in_time() -> None:
    ticket = _ticket()
    assert ticket.wait(0.001) is None
    ticket.answer(PingAnswer(size=1))
    assert ticket.wait(0.001) == PingAnswer(size=1)
