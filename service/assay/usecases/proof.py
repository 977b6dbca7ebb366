"""The engine's proof for one document: asked for, and compared with what the service knows by itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from assay.domain.counter import COUNTERS, entries, unusable_document
from assay.domain.deadline import Deadline
from assay.domain.decision import Stage
from assay.domain.errors import InvalidInput
from assay.domain.policy import LoadedPolicy, Mode, Rule
from assay.ports import PolicyEngine
from assay.usecases.answer import Answer, invalid_answer, parse_answer

_DEMANDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a policy demands of one stage, of every document of one moment: its rules, and how far each one counts.

    `selected` are the mandatory codes that are in force and not switched off, `binding` those of them that deny.
    """

    rules: Mapping[str, Rule] = field(hash=False)
    modes: Mapping[str, Mode] = field(hash=False)
    selected: tuple[str, ...]

    @property
    def binding(self) -> tuple[str, ...]:
        """The codes that must be proven."""
        return tuple(code for code in self.selected if self.modes[code] is Mode.ENFORCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the service knows before it asks: what is demanded, the numbers, the images."""

    stage: Stage
    demand: Demand
    expected: Mapping[str, int] = field(hash=False)
    images: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A checked answer: a pure function of the document, the policy and the tenant's selection."""

    question: Question
    answer: Answer


Recall = Callable[[Callable[[], Proof]], Proof]
"""Returns the proof of the document in question: one that is remembered, or the one that its argument asks for."""


def ask_anew(ask: Callable[[], Proof]) -> Proof:
    """Remember nothing."""
    return ask()


def prove(
    engine: PolicyEngine,
    stage: Stage,
    document: Mapping[str, object],
    *,
    tenant: str,
    environment: str,
    deadline: Deadline,
) -> Proof:
    """Ask the engine about a document and check its answer.

    Raises `Unavailable(policy_engine_unavailable)`, and `InvalidInput` with `policy_result_invalid`,
    `policy_input_invalid` or `policy_selection_missing`.
    """
    question = _question(engine.loaded(), stage, document, tenant=tenant, environment=environment)
    answer = parse_answer(engine.query(stage, document, deadline), with_images=stage is Stage.REQUEST)
    _check_consistent(question, answer)
    return Proof(question=question, answer=answer)


def _question(
    policy: LoadedPolicy, stage: Stage, document: Mapping[str, object], *, tenant: str, environment: str
) -> Question:
    request = _member(document, "request")
    if (request.get("tenant"), request.get("environment")) != (tenant, environment):
        raise unusable_document("tenant and environment are not those of the question")
    now = _member(document, "context").get("time_s")
    if not isinstance(now, int):
        raise unusable_document("context.time_s is no integer")
    demand = _demand(policy, stage, tenant, environment, now)
    keys = [entry.get("key") for entry in entries(document, "images")] if stage is Stage.REQUEST else []
    return Question(
        stage=stage,
        demand=demand,
        expected={code: COUNTERS[stage][demand.rules[code].counts](document) for code in demand.selected},
        images=frozenset(str(key) for key in keys),
    )


@lru_cache(maxsize=_DEMANDS)
def _demand(policy: LoadedPolicy, stage: Stage, tenant: str, environment: str, now: int) -> Demand:
    """One for all proofs: a policy is the same only if its digests and all that it says are."""
    rules = {code: rule for code, rule in policy.rules.items() if rule.stage is stage}
    selected = policy.selected(tenant, environment, stage, now)
    if not selected or not all(code in rules and rules[code].counts in COUNTERS[stage] for code in selected):
        raise InvalidInput(
            "policy_selection_missing",
            f"no usable selection of {stage.value} rules for tenant {tenant!r} and environment {environment!r}",
            remedy="name mandatory rules of the loaded bundle in the rule data",
        )
    return Demand(
        rules=rules,
        modes={code: policy.mode(tenant, environment, code, now) for code in rules},
        selected=selected,
    )


def _member(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    member = document.get(name)
    if not isinstance(member, Mapping):
        raise unusable_document(f"{name} is no object")
    return member


def _check_consistent(question: Question, answer: Answer) -> None:
    complaining = {finding.code for finding in answer.findings}
    if not complaining | answer.holds | set(answer.checked) <= set(question.demand.rules):
        raise invalid_answer("it names a code that no rule of the stage has")
    for code in question.demand.binding:
        if answer.checked.get(code) != question.expected[code]:
            raise invalid_answer(f"{code} did not look at {question.expected[code]} things")
        if (code in answer.holds) == (code in complaining):
            raise invalid_answer(f"{code} must either hold or complain")
    if answer.allow is not _recomputed(question, answer):
        raise invalid_answer("allow does not follow from the rest")
    if question.stage is Stage.REQUEST:
        _check_images(question, answer)


def _recomputed(question: Question, answer: Answer) -> bool:
    return all(
        code in answer.holds and (answer.checked[code] > 0 or question.demand.rules[code].may_be_empty)
        for code in question.demand.binding
    )


def _check_images(question: Question, answer: Answer) -> None:
    blamed = {finding.image for finding in answer.findings if finding.code in question.demand.binding}
    if set(answer.images) != question.images or not {item.image for item in answer.findings} <= question.images | {""}:
        raise invalid_answer("it does not speak about exactly the images of the question")
    for key, clean in answer.images.items():
        if clean is bool(blamed & {key, ""}):
            raise invalid_answer(f"the result of image {key[:200]!r} does not follow from the findings")
