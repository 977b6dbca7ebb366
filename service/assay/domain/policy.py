"""Rules as the service knows them, independent of what the engine answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assay.domain.decision import PolicyIdentity, Severity, Stage
from assay.domain.digest import Digest
from assay.domain.evidence import GapKind


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPolicy:
    """The policy that is being served: its rules, what each tenant demands, and the digests that identify it.

    `bundle`, `rule_data` and `opa` are those of the policies, of the rule data and of the engine's binary.
    `mandatory` maps (tenant, environment, stage) to the codes that must hold there; a selection that is missing or
    empty denies. Whether a code is mandatory comes from here, never from the engine's answer.
    `named` maps (tenant, environment) to the authorities whose evidence of a kind counts there; what nobody is named
    for proves nothing.
    """

    bundle: Digest
    rule_data: Digest
    opa: Digest
    rules: Mapping[str, Rule] = field(hash=False)
    mandatory: Mapping[tuple[str, str, Stage], tuple[str, ...]] = field(hash=False)
    named: Mapping[tuple[str, str], Mapping[GapKind, frozenset[str]]] = field(hash=False)

    def identity(self, trust: Digest) -> PolicyIdentity:
        """What decides when this policy judges with the trust of this digest."""
        return PolicyIdentity(bundle=self.bundle, rule_data=self.rule_data, trust=trust, opa=self.opa)
