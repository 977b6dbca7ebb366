"""A policy engine that answers nonsense, and collaborators that break."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from assay_misuse.bench import Answer, Bench
from assay_misuse.case import Case, Need, Step, admit, deny, part
from assay_misuse.workload import Json, creation

_ERRORS: tuple[Exception, ...] = (
    RuntimeError("broken"),
    KeyError("broken"),
    TypeError("broken"),
    ValueError("broken"),
    OSError("broken"),
    AssertionError("broken"),
    RecursionError("broken"),
    MemoryError("broken"),
    StopIteration("broken"),
)
_COLLABORATORS = ("registry", "policy", "trust", "log", "clock", "metrics")


def _same(answer: object) -> object:
    return answer


def _always(answer: object) -> Answer:
    return lambda _: copy.deepcopy(answer)


def _changed(change: Callable[[Any], object]) -> Answer:
    """What the engine answered, with a change."""

    def answer(true: object) -> object:
        changed = copy.deepcopy(true)
        change(changed)
        return changed

    return answer


def _raise(error: Exception) -> Answer:
    def answer(_: object) -> object:
        raise error

    return answer


def _drop(name: str) -> Answer:
    return _changed(lambda answer: answer.pop(name, None))


def _set(**members: object) -> Answer:
    return _changed(lambda answer: answer.update(members))


_ANSWERS: dict[str, Answer] = {
    "undefined": _always(None),
    "an empty document": _always({}),
    "a list": _always([]),
    "true and nothing else": _always(True),  # the answer itself
    "an allow and nothing else": _always({"allow": True}),
    "an allow that is a text": _set(allow="true"),
    "an allow that is a number": _set(allow=1),
    "an allow that is null": _set(allow=None),
    "no allow": _drop("allow"),
    "no list of what holds": _drop("holds"),
    "no count of what was checked": _drop("checked"),
    "an error beside the answer": _set(errors=[{"code": "eval_conflict_error"}]),
    "nothing that holds": _set(holds={}),
    "nothing that was checked": _set(checked={}),
}
_REQUEST_ANSWERS: dict[str, Answer] = {
    "no images": _changed(lambda answer: answer.update(images={}) if "images" in answer else None),
    "one image too many": _changed(lambda answer: answer["images"].update({"x": True}) if "images" in answer else None),
    "an image that is a text": _changed(
        lambda answer: answer.update(images=dict.fromkeys(answer["images"], "true")) if "images" in answer else None
    ),
}


def _fresh(bench: Bench) -> Json:
    """A question about a signed image that nobody asked about before: a webhook may remember what was proven."""
    return creation(bench.pinned(bench.signed()))


def _answers(bench: Bench) -> Iterator[Step]:
    with bench.controlled.engine_answering(_same):
        yield admit("the engine's own answer", _fresh(bench))
    for name, answer in {**_ANSWERS, **_REQUEST_ANSWERS}.items():
        with bench.controlled.engine_answering(answer):
            yield deny(f"a signed image and {name}", _fresh(bench))
            yield deny(f"an unsigned image and {name}", creation(bench.pinned(bench.unsigned())))
    lie = _changed(
        lambda answer: answer.update(allow=True, findings=[], images=dict.fromkeys(answer.get("images", {}), True))
    )
    with bench.controlled.engine_answering(lie):
        yield deny("an unsigned image and an allow without proof", creation(bench.pinned(bench.unsigned())))


def _one_of_two(bench: Bench) -> Iterator[Step]:
    def fewer(answer: Any) -> object:  # noqa: ANN401  # the engine's own
        return answer["images"].popitem() if answer.get("images") else None

    def asked() -> Json:
        return creation(bench.pinned(bench.signed()), bench.pinned(bench.signed()))

    yield admit("two verdicts for two images", asked())
    with bench.controlled.engine_answering(_changed(fewer)):
        yield deny("one verdict for two images", asked())


def _down(bench: Bench) -> Iterator[Step]:
    yield admit("an engine that works", _fresh(bench))
    for error in _ERRORS:
        asked = _fresh(bench)
        with bench.controlled.engine_answering(_raise(error)):
            yield deny(f"an engine that fails with {type(error).__name__}", asked)
        yield admit("the same when the engine works again", asked)


def _broken(bench: Bench) -> Iterator[Step]:
    for collaborator in _COLLABORATORS:
        for error in _ERRORS:
            asked = _fresh(bench)
            with bench.controlled.breaking(collaborator, error):
                yield deny(f"{collaborator} breaks with {type(error).__name__}", asked)
        yield admit(f"when {collaborator} works again", _fresh(bench))


ENGINE_CASES = (
    Case(
        number=11,
        title="The policy engine answers anything but an explicit allow for every image",
        sources=("OPA: undefined is not false",),
        parts=(
            part("answers that are no proof", _answers, Need.ENGINE),
            part("fewer verdicts than images", _one_of_two, Need.ENGINE),
            part("an engine that is down", _down, Need.ENGINE),
        ),
    ),
    Case(
        number=12,
        title="A collaborator breaks in a way that nobody foresaw",
        sources=("Kyverno #15222", "GHSA-jrr2-x33p-6hvc"),
        parts=(part("unexpected errors", _broken, Need.COLLABORATOR),),
    ),
)
