"""The corpus, replayed: what guided fuzzing found to reach new code keeps giving a value or the typed refusal."""

import random

import pytest

from assay.domain.errors import EvidenceRejected, InvalidInput
from tests.fakes.draws import Draws
from tests.fuzz.corpus import FOLDER, LARGEST, read_corpus, reduce_corpus
from tests.fuzz.structure import change
from tests.fuzz.target import TARGETS, Target


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_gives_a_value_or_a_typed_refusal(name: str) -> None:
    kept = read_corpus(name)
    assert len(kept) >= 5
    for octets in kept:
        TARGETS[name](octets)


@pytest.mark.parametrize("name", TARGETS)
def test_something_is_accepted_so_that_acceptance_is_judged(name: str) -> None:
    assert any(accepts(TARGETS[name], octets) for octets in TARGETS[name].seeds())


def accepts(target: Target, octets: bytes) -> bool:
    try:
        return target.run(octets)
    except (EvidenceRejected, InvalidInput):
        return False


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(TARGETS)
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 2 * 2**20


def failing(error: Exception) -> Target:
    def run(_: bytes) -> bool:
        raise error

    return Target(run=run, seeds=lambda: (), form="text", refusals=frozenset({"bundle_malformed"}))


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), RecursionError(), InvalidInput("internal", "x", remedy="y"), EvidenceRejected("", "", remedy="")],
)
def test_anything_but_a_refusal_that_belongs_here_fails_the_target(error: Exception) -> None:
    failing(InvalidInput("bundle_malformed", "it is broken", remedy="write it again"))(b"")
    with pytest.raises((AssertionError, ValueError, RecursionError)):
        failing(error)(b"")


@pytest.mark.parametrize(
    ("form", "octets"),
    [("json", b'{"a": [1, "eA=="]}'), ("der", b"\x30\x03\x02\x01\x05"), ("text", b"text"), ("draws", b"\x00")],
)
def test_a_change_is_made_in_the_structure_and_repeatably(form: str, octets: bytes) -> None:
    def changed(original: bytes, seed: int) -> bytes:
        return change(original, form, random.Random(seed))  # noqa: S311  # repeatable on purpose

    assert len({changed(octets, seed) for seed in range(50)} - {octets}) > 3
    assert changed(octets, 7) == changed(octets, 7)
    assert changed(b"\xff{", 1) != b"\xff{"


def test_draws_are_decided_by_the_octets() -> None:
    def drawn(octets: bytes) -> tuple[object, ...]:
        draws = Draws(octets)
        return draws.random(), draws.choice("abcdef"), draws.randrange(1000), draws.getrandbits(12)

    assert drawn(b"\x80\x00\x60\x01\xff\xff") == drawn(b"\x80\x00\x60\x01\xff\xff")
    assert drawn(b"\x80\x00\x60\x01\xff\xff") != drawn(b"\x80\x00\x20\x01\xff\xff")
    assert drawn(b"") == (0.0, "a", 0, 0)


def test_only_what_reaches_more_is_kept() -> None:
    target = TARGETS["public_key"]
    seed = min(target.seeds())
    assert reduce_corpus(target, [seed, seed + b" " * LARGEST, b"y", b"xx", seed + b"\n"]) == [b"y", seed]
