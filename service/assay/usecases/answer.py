"""The engine's answer, checked: a proof that can be counted, or an error."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.domain.errors import InvalidInput

Path = tuple[str | int, ...]

_EVIDENCE_MEMBERS = frozenset({"allow", "findings", "holds", "checked"})
_FINDING_MEMBERS = frozenset({"code", "term", "msg", "evidence"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFinding:
    """One finding as the engine wrote it, types checked; `image` is a key of the question, or empty."""

    code: str
    term: str
    msg: str
    evidence: tuple[Path, ...]
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer whose shape and types are those of the contract; whether it is consistent is not checked yet."""

    allow: bool
    findings: tuple[RawFinding, ...]
    holds: frozenset[str]
    checked: Mapping[str, int] = field(hash=False)
    images: Mapping[str, bool] = field(hash=False)


def invalid_answer(why: str) -> InvalidInput:
    """The error for an answer that proves nothing."""
    return InvalidInput(
        "policy_result_invalid", f"the policy engine's answer proves nothing: {why}", remedy="check the policy bundle"
    )


def parse_answer(untrusted: object, *, with_images: bool) -> Answer:
    """Parse an answer; `InvalidInput(policy_result_invalid)` for a missing, unknown or wrongly typed member."""
    members = _closed(untrusted, _EVIDENCE_MEMBERS | ({"images"} if with_images else set()), "the answer")
    allow = members["allow"]
    if not isinstance(allow, bool):
        raise invalid_answer("allow is no boolean")
    findings = members["findings"]
    if not isinstance(findings, list):
        raise invalid_answer("findings is no list")
    holds = _mapping(members["holds"], "holds")
    if not all(value is True for value in holds.values()):
        raise invalid_answer("holds has a value that is not true")
    return Answer(
        allow=allow,
        findings=tuple(_finding(item, with_images=with_images) for item in findings),
        holds=frozenset(holds),
        checked={code: _count(code, value) for code, value in _mapping(members["checked"], "checked").items()},
        images={key: _boolean(value) for key, value in _mapping(members["images"], "images").items()}
        if with_images
        else {},
    )


def _closed(value: object, names: frozenset[str] | set[str], what: str) -> Mapping[str, object]:
    members = _mapping(value, what)
    if set(members) != names:
        raise invalid_answer(f"{what} has other members than {', '.join(sorted(names))}")
    return members


def _mapping(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise invalid_answer(f"{what} is no object")
    return value


def _count(code: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise invalid_answer(f"checked[{code}] is no count")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise invalid_answer("images has a value that is no boolean")
    return value


def _finding(value: object, *, with_images: bool) -> RawFinding:
    members = _closed(value, _FINDING_MEMBERS | ({"image"} if with_images else set()), "a finding")
    texts = {name: item for name, item in members.items() if isinstance(item, str)}
    evidence = members["evidence"]
    if set(texts) != set(members) - {"evidence"} or not isinstance(evidence, list):
        raise invalid_answer("a finding has a member of another type")
    return RawFinding(
        code=texts["code"],
        term=texts["term"],
        msg=texts["msg"],
        evidence=tuple(_path(item) for item in evidence),
        image=texts.get("image", ""),
    )


def _path(value: object) -> Path:
    if not isinstance(value, list) or any(isinstance(step, bool) for step in value):
        raise invalid_answer("a finding's evidence is no list of paths")
    steps = tuple(step for step in value if isinstance(step, str | int))
    if len(steps) != len(value):
        raise invalid_answer("a finding's evidence has a step that is neither name nor index")
    return steps
