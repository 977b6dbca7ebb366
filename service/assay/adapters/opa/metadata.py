"""The rules of a bundle, from the METADATA that `opa inspect` reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from assay.domain.counter import COUNTERS, EVIDENCE_VERDICT
from assay.domain.decision import Severity, Stage
from assay.domain.errors import ConfigError
from assay.domain.evidence import GapKind
from assay.domain.policy import Rule

_STAGES = {"rule": Stage.EVIDENCE, "request": Stage.REQUEST}
_DEMANDED = frozenset({"code", "severity", "requires", "counts", "solution", "owner"})
_OPTIONAL = frozenset({"effective_on", "may_be_empty", "waivable"})


def refuse_policy(place: str, why: str) -> ConfigError:
    """The error for policy that must not be served; `place` names the file."""
    return ConfigError(
        "policy_invalid", f"{place}: {why}", remedy="correct the policy; the last good one is not changed"
    )


def rules_of(inspected: Mapping[str, object]) -> tuple[Rule, ...]:
    """Every rule with a code, sorted by code.

    Guaranteed: packages are `assay.main`, `assay.lib.*`, `assay.rule.*`, `assay.request.*` or `system.authz`; every
    `deny` of a rule package has complete METADATA; codes are unique and begin with the package's name; counters and
    gap kinds exist. Raises `ConfigError(policy_invalid)` naming file and line.
    """
    _check_packages(inspected)
    annotated = inspected.get("annotations")
    rules = [_rule(entry) for entry in annotated if _is_deny(entry)] if isinstance(annotated, list) else []
    codes = [rule.code for rule in rules]
    for rule in rules:
        if codes.count(rule.code) > 1:
            raise refuse_policy(rule.location, f"the code {rule.code} is used twice")
    return tuple(sorted(rules, key=lambda rule: rule.code))


def _check_packages(inspected: Mapping[str, object]) -> None:
    namespaces = inspected.get("namespaces")
    if not isinstance(namespaces, Mapping):
        raise refuse_policy("policy folder", "it has no packages")
    for name, files in namespaces.items():
        if not _is_ours(str(name).split(".")[1:]):
            raise refuse_policy(", ".join(map(str, files)), f"the package {name} is not one that policy may fill")


def _is_ours(package: Sequence[str]) -> bool:
    match package:
        case ["assay", "main"] | ["system", "authz"] | ["rule_data"] | ["rule_index"]:
            return True
        case ["assay", "lib" | "rule" | "request", _]:
            return True
        case _:
            return False


def _path(entry: Mapping[str, object]) -> list[str]:
    steps = entry.get("path")
    return [str(step["value"]) for step in steps] if isinstance(steps, list) else []


def _is_deny(entry: Mapping[str, object]) -> bool:
    match _path(entry):
        case ["data", "assay", "rule" | "request", _, "deny"]:
            return True
        case _:
            return False


def _rule(entry: Mapping[str, object]) -> Rule:
    _, _, area, package, _ = _path(entry)
    place = _Place(entry)
    stage = _STAGES[area]
    custom = place.custom()
    code = place.text(custom, "code")
    if code.partition(".")[0] != package:
        raise place.refuse(f"the code {code} does not begin with the package's name {package}")
    counts = place.text(custom, "counts")
    if counts not in COUNTERS[stage]:
        raise place.refuse(f"counts: {counts!r} is none of {', '.join(sorted(COUNTERS[stage]))}")
    severity = place.text(custom, "severity")
    if severity not in set(Severity):
        raise place.refuse(f"severity: {severity!r} is none of {', '.join(Severity)}")
    return Rule(
        code=code,
        stage=stage,
        title=place.text(place.annotations, "title"),
        description=place.text(place.annotations, "description"),
        severity=Severity(severity),
        requires=place.requires(custom, stage),
        counts=counts,
        solution=place.text(custom, "solution"),
        owner=place.text(custom, "owner"),
        location=place.location,
        may_be_empty=place.flag(custom, "may_be_empty", default=False),
        waivable=place.flag(custom, "waivable", default=True),
        effective_on=place.effective_on(custom),
    )


class _Place:
    """One annotated rule: reads its METADATA and names its file and line in every refusal."""

    def __init__(self, entry: Mapping[str, object]) -> None:
        location = entry.get("location")
        at = location if isinstance(location, Mapping) else {}
        self.location = f"{at.get('file', '')}:{at.get('row', '')}".removeprefix("bundle/")
        annotations = entry.get("annotations")
        self.annotations: Mapping[str, object] = annotations if isinstance(annotations, Mapping) else {}

    def refuse(self, why: str) -> ConfigError:
        return refuse_policy(self.location, why)

    def custom(self) -> Mapping[str, object]:
        custom = self.annotations.get("custom")
        members = set(custom) if isinstance(custom, Mapping) else set()
        if not isinstance(custom, Mapping) or not members >= _DEMANDED:
            raise self.refuse(f"METADATA lacks {', '.join(sorted(_DEMANDED - members))}")
        if members - _DEMANDED - _OPTIONAL:
            raise self.refuse(f"METADATA has unknown members: {', '.join(sorted(members - _DEMANDED - _OPTIONAL))}")
        return custom

    def text(self, members: Mapping[str, object], name: str) -> str:
        value = members.get(name)
        if not isinstance(value, str) or not value:
            raise self.refuse(f"METADATA {name}: a text is expected")
        return value

    def flag(self, members: Mapping[str, object], name: str, *, default: bool) -> bool:
        value = members.get(name, default)
        if not isinstance(value, bool):
            raise self.refuse(f"METADATA {name}: true or false is expected")
        return value

    def requires(self, members: Mapping[str, object], stage: Stage) -> tuple[str, ...]:
        value = members.get("requires")
        known = {EVIDENCE_VERDICT} if stage is Stage.REQUEST else set(GapKind)
        if not isinstance(value, list) or not set(map(str, value)) <= known:
            raise self.refuse(f"METADATA requires: a list of {', '.join(sorted(known))} is expected")
        return tuple(str(kind) for kind in value)

    def effective_on(self, members: Mapping[str, object]) -> datetime | None:
        if "effective_on" not in members:
            return None
        try:
            moment = datetime.fromisoformat(self.text(members, "effective_on"))
        except ValueError as error:
            raise self.refuse("METADATA effective_on: a time like 2027-01-01T00:00:00Z is expected") from error
        if moment.tzinfo is None or moment.microsecond:
            raise self.refuse("METADATA effective_on: whole seconds with a time zone are expected")
        return moment
