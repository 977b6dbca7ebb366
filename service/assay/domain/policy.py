"""Rules as the service knows them, independent of what the engine answers."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from assay.domain.decision import PolicyIdentity, Severity, Stage
from assay.domain.digest import Digest
from assay.domain.evidence import GapKind


class Mode(StrEnum):
    """How far a mandatory rule counts in one environment, from not at all to a denial.

    `shadow` records what the rule finds, `warn` tells the caller as well, `enforce` denies.
    """

    OFF = "off"
    SHADOW = "shadow"
    WARN = "warn"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the loaded bundle, from its METADATA.

    `requires` are gap kinds whose presence makes the rule indeterminate. `counts` names what `checked` must be equal
    to (a counter of `usecases.decide`), so that a rule which looked at nothing is found out. `location` is
    `file:line` inside the bundle.
    """

    code: str
    stage: Stage
    title: str
    description: str
    severity: Severity
    requires: tuple[str, ...]
    counts: str
    solution: str
    owner: str
    location: str
    may_be_empty: bool = False
    waivable: bool = True
    effective_on: datetime | None = None


_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPolicy:
    """The policy that is being served: its rules, what each tenant demands, and the digests that identify it.

    `bundle`, `rule_data` and `opa` are those of the policies, of the rule data and of the engine's binary.
    `mandatory` maps (tenant, environment, stage) to the codes that must hold there; a selection that is missing or
    empty denies. Whether a code is mandatory comes from here, never from the engine's answer.
    `modes` maps (tenant, environment) to the modes of mandatory codes; one that is not there is enforced.
    `named` maps (tenant, environment) to the authorities whose evidence of a kind counts there; what nobody is named
    for proves nothing. `reads_config` says whether a rule may read what the configuration of an image says.
    `stale_listing` maps (tenant, environment) to the age that a listing of evidence may have while its registry cannot
    be asked; where none is stated, none may.
    """

    bundle: Digest
    rule_data: Digest
    opa: Digest
    rules: Mapping[str, Rule] = field(hash=False)
    mandatory: Mapping[tuple[str, str, Stage], tuple[str, ...]] = field(hash=False)
    named: Mapping[tuple[str, str], Mapping[GapKind, frozenset[str]]] = field(hash=False)
    modes: Mapping[tuple[str, str], Mapping[str, Mode]] = field(hash=False)
    reads_config: bool = True
    stale_listing: Mapping[tuple[str, str], timedelta] = field(default_factory=dict, hash=False)
    _dates: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        dates = {int(rule.effective_on.timestamp()) for rule in self.rules.values() if rule.effective_on is not None}
        object.__setattr__(self, "_dates", tuple(sorted(dates)))

    def selected(self, tenant: str, environment: str, stage: Stage, now: int) -> tuple[str, ...]:
        """The mandatory codes of a stage that are in force at this time and not switched off."""
        modes = self.modes.get((tenant, environment), {})
        mandatory = self.mandatory.get((tenant, environment, stage), ())
        return tuple(code for code in mandatory if self._in_force(code, now) and modes.get(code) is not Mode.OFF)

    def mode(self, tenant: str, environment: str, code: str, now: int) -> Mode:
        """How far a rule counts at this time; one that is not mandatory, or not yet, warns at most."""
        mode = self.modes.get((tenant, environment), {}).get(code, Mode.ENFORCE)
        mandatory = any(code in self.mandatory.get((tenant, environment, stage), ()) for stage in Stage)
        return Mode.WARN if mode is Mode.ENFORCE and not (mandatory and self._in_force(code, now)) else mode

    def _in_force(self, code: str, now: int) -> bool:
        rule = self.rules.get(code)
        return rule is None or rule.effective_on is None or int(rule.effective_on.timestamp()) <= now

    def since(self, now: datetime) -> datetime:
        """When the rules last changed: the latest effective date that has come, the epoch where there is none.

        From then until the next date every rule that looks at dates says the same, so a document that names this moment
        in place of `now` has the same verdict, and the same bytes whenever it is built.
        """
        come = bisect_right(self._dates, now.timestamp())
        return datetime.fromtimestamp(self._dates[come - 1], UTC) if come else _EPOCH

    def identity(self, trust: Digest) -> PolicyIdentity:
        """What decides when this policy judges with the trust of this digest."""
        return PolicyIdentity(bundle=self.bundle, rule_data=self.rule_data, trust=trust, opa=self.opa)
