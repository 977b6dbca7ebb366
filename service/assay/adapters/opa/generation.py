"""Generations of policy: immutable folders, made once, checked before they are served and again when loaded.

A generation is `<state>/policy/<digest>/` with `bundle/` (what OPA serves), `schema/` (what documents must be) and
`index.json` (what the service knows), whose SHA-256 names the folder.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jsonschema_rs import Draft202012Validator

from assay.adapters.opa.index import (
    GenerationIndex,
    Modes,
    damaged,
    mandatory_of,
    modes_of,
    named_of,
    parse_index,
    render_index,
    stale_listing_of,
)
from assay.adapters.opa.metadata import refuse_policy, rules_of
from assay.adapters.opa.reading import reads_config
from assay.adapters.opa.schema import CHECKER_SCHEMAS, checker_schema, render_path
from assay.domain.decision import Stage
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.policy import LoadedPolicy, Rule
from assay.domain.quorum import Demand, Quorum
from assay.formats.strict_json import parse_json
from assay.licences.expression import expand_denied
from assay.tlog.canonical import render_canonical

_INPUT_SCHEMAS = {Stage.EVIDENCE: "assay.input.v1.json", Stage.REQUEST: "assay.request.v1.json"}
_DATA_SCHEMA = "rule_data.v1.json"
_LARGEST_FILE = 4 * 1024 * 1024
_CHECK_SECONDS = 60
_FORBIDDEN_BUILTINS = frozenset(
    {"http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "uuid.rfc4122", "time.now_ns", "rego.parse_module"}
)

RuleData = dict[str, dict[str, dict[str, object]]]
_NO_QUORUMS: Mapping[str, Quorum] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A loaded generation: the folder OPA serves, the policy, and one validator for each stage's document."""

    bundle: Path
    policy: LoadedPolicy
    validators: Mapping[Stage, Draft202012Validator]


def build_generation(
    *,
    policies: Path,
    rule_data: Path,
    opa: Path,
    state: Path,
    authorities: Sequence[str],
    quorums: Mapping[str, Quorum] = _NO_QUORUMS,
) -> Path:
    """Make the generation for a policy folder, rule data and engine, and return its folder.

    Where the rule data names authorities with a threshold, or a quorum, the policies find what that demands.

    Checked: sources are plain files; the rule data against its schema, its authorities against the configured ones,
    its codes against the rules; packages and METADATA; `opa check --strict --schema` with this very binary and without
    the built-in functions that do I/O. The same input gives the same folder. Raises `ConfigError(policy_invalid)` or
    `ConfigError(rule_data_invalid)`, naming the file.
    """
    sources = _read_sources(policies)
    demands = _read_rule_data(rule_data, sources[f"schema/{_DATA_SCHEMA}"], authorities, quorums)
    generations = state / "policy"
    generations.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=generations))
    try:
        rules = _fill(draft, sources, demands, opa)
        index = GenerationIndex(
            bundle=_digest_of({path: hashlib.sha256(octets).hexdigest() for path, octets in sources.items()}),
            rule_data=_digest_of(demands),
            opa=Digest.of(opa.read_bytes()),
            rules=rules,
            mandatory=_checked_selection(rule_data, demands, rules),
            named=named_of(demands),
            modes=_checked_modes(rule_data, demands),
            stale_listing=stale_listing_of(demands),
            reads_config=reads_config(sources, rules),
            files=_files(draft),
        )
        return _publish(draft, render_index(index))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def load_generation(folder: Path) -> Generation:
    """Load a generation without starting a process.

    Every file is compared with the index and the index with the folder's name:
    `ConfigError(policy_generation_damaged)` when anything changed since the generation was made.
    """
    try:
        octets = (folder / "index.json").read_bytes()
    except OSError as error:
        raise damaged(folder.name, "index.json cannot be read") from error
    if Digest.of(octets).hex != folder.name:
        raise damaged(folder.name, "index.json is not the one the generation was made with")
    index = parse_index(octets, place=folder.name)
    if _files(folder) != dict(index.files):
        raise damaged(folder.name, "a file was changed, added or removed")
    return Generation(
        bundle=folder / "bundle",
        policy=index.policy(),
        validators={
            stage: Draft202012Validator(json.loads((folder / "schema" / name).read_bytes()))
            for stage, name in _INPUT_SCHEMAS.items()
        },
    )


def _read_sources(policies: Path) -> dict[str, bytes]:
    """Rego without tests, and the schemas, by path relative to the policy folder."""
    sources: dict[str, bytes] = {}
    for path in sorted(policies.rglob("*.rego")):
        if not path.name.endswith("_test.rego"):
            sources[path.relative_to(policies).as_posix()] = _read(path)
    for name in (*_INPUT_SCHEMAS.values(), _DATA_SCHEMA):
        sources[f"schema/{name}"] = _read(policies / "schema" / name)
    return sources


def _read(path: Path) -> bytes:
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST_FILE:
            raise refuse_policy(str(path), "a plain file of at most 4 MiB is expected")
        return path.read_bytes()
    except OSError as error:
        raise refuse_policy(str(path), "the file cannot be read") from error


def _read_rule_data(path: Path, schema: bytes, authorities: Sequence[str], quorums: Mapping[str, Quorum]) -> RuleData:
    """The rule data as OPA will see it: checked, with authorities and deny lists expanded."""
    try:
        data = parse_json(_read(path), what=str(path), largest=_LARGEST_FILE)
    except InvalidInput as error:
        raise _refuse_data(path, error.message) from error
    problem = next(Draft202012Validator(json.loads(schema)).iter_errors(data), None)
    if problem is not None or not isinstance(data, dict):
        raise _refuse_data(path, f"{render_path(problem)}: {problem.message[:200]}" if problem else "it is no object")
    for environments in data.values():
        for demands in environments.values():
            demands["authorities"] = {
                kind: _expand_authorities(path, kind, wanted, authorities, quorums)
                for kind, wanted in demands["authorities"].items()
            }
            try:
                demands["denied_licences"] = list(expand_denied(demands["denied_licences"]))
            except InvalidInput as error:
                raise _refuse_data(path, error.message) from error
    return data


def _expand_authorities(
    path: Path, kind: str, wanted: Mapping[str, Any], known: Sequence[str], quorums: Mapping[str, Quorum]
) -> dict[str, object]:
    """Whom the rules hear, and how many different signers of whom there must be at least."""
    if "quorum" in wanted:
        if wanted["quorum"] not in quorums:
            raise _refuse_data(path, f"authorities.{kind}: {wanted['quorum']} is no configured quorum")
        quorum = quorums[wanted["quorum"]]
        names, demands = quorum.authorities, quorum.demands()
    else:
        names = tuple(wanted["names"])
        demands = (Demand(names=names, count=wanted["threshold"]),)
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise _refuse_data(path, f"authorities.{kind}: {', '.join(unknown)} is no configured authority")
    return {
        "names": list(names),
        "at_least": [{"names": list(demand.names), "count": demand.count} for demand in demands],
    }


def _refuse_data(path: Path, why: str) -> ConfigError:
    return ConfigError("rule_data_invalid", f"{path}: {why}", remedy="correct the rule data")


def _fill(draft: Path, sources: Mapping[str, bytes], demands: RuleData, opa: Path) -> tuple[Rule, ...]:
    """Write bundle and schemas into the draft and have the engine check them."""
    for path, octets in sources.items():
        _write(draft / path if path.startswith("schema/") else draft / "bundle" / path, octets)
    _write(draft / "bundle" / "rule_data" / "data.json", render_canonical(demands))
    manifest = {"roots": ["assay", "system", "rule_data", "rule_index"], "rego_version": 1}
    _write(draft / "bundle" / ".manifest", render_canonical(manifest))
    inspected = json.loads(_run_opa(opa, ["inspect", "-a", "-f", "json", "bundle"], draft))
    rules = rules_of(inspected)
    _check_every_deny_is_indexed(sources, rules)
    effective = {
        rule.code: {
            "effective_s": int(rule.effective_on.timestamp()) if rule.effective_on else 0,
            "may_be_empty": rule.may_be_empty,
        }
        for rule in rules
    }
    _write(draft / "bundle" / "rule_index" / "data.json", render_canonical(effective))
    _check(draft, sources, opa)
    return rules


def _check_every_deny_is_indexed(sources: Mapping[str, bytes], rules: Sequence[Rule]) -> None:
    for path, octets in sources.items():
        written = sum(line.startswith(b"deny ") for line in octets.splitlines())
        indexed = sum(rule.location.rpartition(":")[0] == path for rule in rules)
        if path.startswith(("rule/", "request/")) and written != indexed:
            raise refuse_policy(path, f"{written} rules `deny`, but METADATA for {indexed}")


def _check(draft: Path, sources: Mapping[str, bytes], opa: Path) -> None:
    """Type-check with this binary, without the built-in functions that reach out of the document."""
    with tempfile.TemporaryDirectory(dir=draft.parent, prefix=".check-") as name:
        folder = Path(name)
        for full, checker in CHECKER_SCHEMAS.items():
            schema = checker_schema(json.loads(sources[f"schema/{full}"]))
            _write(folder / "schema" / checker, json.dumps(schema).encode())
        capabilities = json.loads(_run_opa(opa, ["capabilities", "--current"], draft))
        capabilities["builtins"] = [
            builtin
            for builtin in capabilities["builtins"]
            if builtin["name"] not in _FORBIDDEN_BUILTINS and not builtin["name"].startswith("io.jwt.")
        ]
        capabilities["allow_net"] = []
        _write(folder / "capabilities.json", json.dumps(capabilities).encode())
        schemas, allowed = folder / "schema", folder / "capabilities.json"
        options = ["--strict", "--schema", str(schemas), "--capabilities", str(allowed)]
        _run_opa(opa, ["check", *options, "--bundle", "bundle"], draft)


def _run_opa(opa: Path, arguments: list[str], folder: Path) -> bytes:
    try:
        finished = subprocess.run(
            [str(opa.absolute()), *arguments],
            cwd=folder,
            env={"HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_CHECK_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError("opa_unusable", f"{opa} cannot be run: {error}", remedy="install the pinned OPA") from error
    if finished.returncode != 0:
        said = (finished.stderr or finished.stdout).decode(errors="replace")
        raise refuse_policy("policy folder", f"opa {arguments[0]} refuses it: {said[:2000]}")
    return finished.stdout


def _checked_selection(
    path: Path, demands: RuleData, rules: Sequence[Rule]
) -> Mapping[tuple[str, str, Stage], tuple[str, ...]]:
    known = {(rule.stage, rule.code) for rule in rules}
    selection = mandatory_of(demands)
    for (tenant, environment, stage), codes in selection.items():
        for code in codes:
            if (stage, code) not in known:
                raise _refuse_data(path, f"{tenant}.{environment}: no rule of the {stage} stage has the code {code}")
    return selection


def _checked_modes(path: Path, demands: RuleData) -> Modes:
    modes = modes_of(demands)
    selection = mandatory_of(demands)
    for (tenant, environment), codes in modes.items():
        mandatory = {code for stage in Stage for code in selection[tenant, environment, stage]}
        for code in sorted(codes.keys() - mandatory):
            raise _refuse_data(path, f"{tenant}.{environment}: modes names {code}, which is not mandatory there")
    return modes


def _publish(draft: Path, index: bytes) -> Path:
    _write(draft / "index.json", index)
    target = draft.parent / Digest.of(index).hex
    try:
        draft.rename(target)
    except OSError:
        # It exists already: the same input was built before. Whoever loads it compares every file with the index.
        if not target.is_dir():
            raise
    return target


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / "index.json"
    }


def _write(path: Path, octets: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)


def _digest_of(value: object) -> Digest:
    return Digest.of(render_canonical(value))
