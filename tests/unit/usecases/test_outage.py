"""Registries in trouble: who is asked again, and when."""

from assay.usecases.outage import Outages


def test_a_registry_is_in_trouble_until_it_answers() -> None:
    outages = Outages()
    assert not outages.knows("registry.example", 0)
    outages.note_silence("registry.example", 0)
    assert (outages.knows("registry.example", 1), outages.knows("other.example", 1)) == (True, False)
    outages.note_answer("registry.example")
    assert not outages.knows("registry.example", 1)


def test_trouble_that_nobody_notes_again_is_forgotten() -> None:
    outages = Outages()
    outages.note_failure("registry.example", 0)
    assert outages.knows("registry.example", 29)
    assert not outages.knows("registry.example", 30)


def test_a_silent_registry_is_asked_about_everything() -> None:
    outages = Outages()
    outages.note_silence("registry.example", 0)
    assert [outages.lets_ask("registry.example", 0) for _ in range(2)] == [True, True]


def test_of_those_who_find_a_registry_failing_one_asks_every_other_second() -> None:
    outages = Outages()
    outages.note_failure("registry.example", 0)
    assert not outages.lets_ask("registry.example", 1.9)
    assert [outages.lets_ask("registry.example", 2) for _ in range(2)] == [True, False]
    assert outages.lets_ask("registry.example", 4)


def test_silence_does_not_make_a_failing_registry_a_silent_one() -> None:
    outages = Outages()
    outages.note_failure("registry.example", 0)
    outages.note_silence("registry.example", 1)
    assert not outages.lets_ask("registry.example", 2)
    outages.note_answer("registry.example")
    assert outages.lets_ask("registry.example", 2)
