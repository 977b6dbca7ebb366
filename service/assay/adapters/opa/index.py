"""The index of a generation: what the service must know about its rules without asking the engine."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from assay.domain.decision import Severity, Stage
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from assay.domain.evidence import GapKind
from assay.domain.policy import LoadedPolicy, Mode, Rule
from assay.tlog.canonical import render_canonical

_FORMAT = 4
Mandatory = Mapping[tuple[str, str, Stage], tuple[str, ...]]
Named = Mapping[tuple[str, str], Mapping[GapKind, frozenset[str]]]
Modes = Mapping[tuple[str, str], Mapping[str, Mode]]
StaleListing = Mapping[tuple[str, str], timedelta]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationIndex:
    """Rules, what each tenant demands, and the digests of everything in the generation (`files`: path to SHA-256)."""

    bundle: Digest
    rule_data: Digest
    opa: Digest
    rules: tuple[Rule, ...]
    mandatory: Mandatory = field(hash=False)
    named: Named = field(hash=False)
    modes: Modes = field(hash=False)
    stale_listing: StaleListing = field(hash=False)
    reads_config: bool
    files: Mapping[str, str] = field(hash=False)

    def policy(self) -> LoadedPolicy:
        """The policy as the service serves it."""
        return LoadedPolicy(
            bundle=self.bundle,
            rule_data=self.rule_data,
            opa=self.opa,
            rules={rule.code: rule for rule in self.rules},
            mandatory=self.mandatory,
            named=self.named,
            modes=self.modes,
            stale_listing=self.stale_listing,
            reads_config=self.reads_config,
        )


def render_index(index: GenerationIndex) -> bytes:
    """The canonical bytes of an index; their digest names the generation."""
    return render_canonical(
        {
            "format": _FORMAT,
            "bundle": index.bundle.text,
            "rule_data": index.rule_data.text,
            "opa": index.opa.text,
            "rules": [_rule_members(rule) for rule in index.rules],
            "mandatory": [[*key, list(codes)] for key, codes in sorted(index.mandatory.items())],
            "named": [
                [*key, kind.value, sorted(names)]
                for key, kinds in sorted(index.named.items())
                for kind, names in sorted(kinds.items())
            ],
            "modes": [
                [*key, code, mode.value]
                for key, modes in sorted(index.modes.items())
                for code, mode in sorted(modes.items())
            ],
            "stale_listing": [[*key, int(bound.total_seconds())] for key, bound in sorted(index.stale_listing.items())],
            "reads_config": index.reads_config,
            "files": dict(index.files),
        }
    )


def parse_index(octets: bytes, *, place: str) -> GenerationIndex:
    """Read back what `render_index` wrote; `ConfigError(policy_generation_damaged)` for anything else."""
    try:
        members = json.loads(octets)
        index = GenerationIndex(
            bundle=Digest(members["bundle"]),
            rule_data=Digest(members["rule_data"]),
            opa=Digest(members["opa"]),
            rules=tuple(_rule(entry) for entry in members["rules"]),
            mandatory={
                (tenant, environment, Stage(stage)): tuple(codes)
                for tenant, environment, stage, codes in members["mandatory"]
            },
            named=_named(members["named"]),
            modes=_modes(members["modes"]),
            stale_listing={
                (tenant, environment): timedelta(seconds=seconds)
                for tenant, environment, seconds in members["stale_listing"]
            },
            reads_config=members["reads_config"] is True,
            files=members["files"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(place, "it is no index of this release") from error
    if render_index(index) != octets:
        raise damaged(place, "it is not what this release wrote")
    return index


def damaged(place: str, why: str) -> ConfigError:
    """The error for a generation that changed after it was made."""
    return ConfigError("policy_generation_damaged", f"{place}: {why}", remedy="remove the folder and start again")


def mandatory_of(rule_data: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Mandatory:
    """The mandatory codes of every tenant, environment and stage; the data has its schema's shape."""
    selected: dict[tuple[str, str, Stage], tuple[str, ...]] = {}
    for tenant, environments in rule_data.items():
        for environment, demands in environments.items():
            mandatory = demands["mandatory"]
            for stage in Stage:
                codes: Iterable[object] = mandatory[stage.value] if isinstance(mandatory, Mapping) else ()
                selected[tenant, environment, stage] = tuple(map(str, codes))
    return selected


def named_of(rule_data: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Named:
    """The authorities that every tenant and environment names, by kind; the data has its schema's shape."""
    return {
        (tenant, environment): {GapKind(kind): names for kind, names in _names(demands["authorities"])}
        for tenant, environments in rule_data.items()
        for environment, demands in environments.items()
    }


def modes_of(rule_data: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Modes:
    """The modes that every tenant and environment gives to codes; the data has its schema's shape."""
    return {
        (tenant, environment): {code: Mode(mode) for code, mode in modes.items()}
        for tenant, environments in rule_data.items()
        for environment, demands in environments.items()
        if isinstance(modes := demands.get("modes"), Mapping)
    }


def stale_listing_of(rule_data: Mapping[str, Mapping[str, Mapping[str, object]]]) -> StaleListing:
    """The bounds on stale listings, where a tenant and environment state one; the data has its schema's shape."""
    return {
        (tenant, environment): timedelta(seconds=seconds)
        for tenant, environments in rule_data.items()
        for environment, demands in environments.items()
        if isinstance(seconds := demands.get("stale_listing_seconds"), int)
    }


def _names(authorities: object) -> Iterable[tuple[str, frozenset[str]]]:
    wanted: Mapping[str, Mapping[str, Iterable[str]]] = authorities if isinstance(authorities, Mapping) else {}
    return ((kind, frozenset(demand["names"])) for kind, demand in wanted.items())


def _named(entries: Iterable[tuple[str, str, str, Iterable[str]]]) -> Named:
    named: dict[tuple[str, str], dict[GapKind, frozenset[str]]] = {}
    for tenant, environment, kind, names in entries:
        named.setdefault((tenant, environment), {})[GapKind(kind)] = frozenset(names)
    return named


def _modes(entries: Iterable[tuple[str, str, str, str]]) -> Modes:
    modes: dict[tuple[str, str], dict[str, Mode]] = {}
    for tenant, environment, code, mode in entries:
        modes.setdefault((tenant, environment), {})[code] = Mode(mode)
    return modes


def _rule_members(rule: Rule) -> dict[str, str | bool | list[str]]:
    return {
        "code": rule.code,
        "stage": rule.stage.value,
        "title": rule.title,
        "description": rule.description,
        "severity": rule.severity.value,
        "requires": list(rule.requires),
        "counts": rule.counts,
        "solution": rule.solution,
        "owner": rule.owner,
        "location": rule.location,
        "may_be_empty": rule.may_be_empty,
        "waivable": rule.waivable,
        "effective_on": rule.effective_on.isoformat() if rule.effective_on else "",
    }


def _rule(members: dict[str, object]) -> Rule:
    texts = {name: str(members[name]) for name in ("code", "title", "description", "counts", "solution", "owner")}
    effective_on = str(members["effective_on"])
    requires = members["requires"]
    if not isinstance(requires, list):
        raise TypeError("requires is no list")
    return Rule(
        **texts,
        stage=Stage(str(members["stage"])),
        severity=Severity(str(members["severity"])),
        requires=tuple(map(str, requires)),
        location=str(members["location"]),
        may_be_empty=members["may_be_empty"] is True,
        waivable=members["waivable"] is True,
        effective_on=datetime.fromisoformat(effective_on) if effective_on else None,
    )
