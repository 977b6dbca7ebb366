"""The engine of a process around fakes: rules like those of the policy bundle, evaluated in Python.

`Rules` says of each document what the real engine would say of it: what holds, what was looked at, and whether that
makes an allow. `World` is everything a use case needs, each part of which a test can break.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.candidate import CandidateRegistry
from assay.adapters.registry.client import RegistryClient
from assay.domain.artefact import Artefact
from assay.domain.caller import Caller, Role
from assay.domain.counter import COUNTERS
from assay.domain.deadline import Deadline
from assay.domain.decision import Stage
from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput
from assay.domain.gate import Candidate
from assay.domain.identity import Authority
from assay.domain.kept_verdict import CacheLife
from assay.domain.limit import Limits
from assay.domain.policy import LoadedPolicy
from assay.ports import PolicyEngine, Registry, TrustRoots
from assay.usecases.break_glass import BreakGlass
from assay.usecases.engine import Engine
from assay.usecases.memory import Memory
from assay.usecases.tag_guard import TagGuard
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.clock import FrozenClock, MovingClock
from tests.fakes.decision import identifier
from tests.fakes.decision_log import MemoryLog
from tests.fakes.metrics import CountingMetrics
from tests.fakes.oci import CONFIG, image, put_bundle, put_image
from tests.fakes.policy import (
    BUILDER,
    ENVIRONMENT,
    PROVENANCE_TYPE,
    SPDX_TYPE,
    TENANT,
    policy,
    provenance_predicate,
    rule,
    spdx_predicate,
)
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority
from tests.fakes.verdict_store import MemoryStore

Json = dict[str, Any]
CALLER = Caller(name="ci", tenant=TENANT, environments=(ENVIRONMENT,), roles=frozenset({Role.GATE}))
LOADED = policy(
    rule("signature.authority", requires=("signature",)),
    rule("provenance.builder", counts="provenance", requires=("provenance",)),
    rule("sbom.found", counts="sboms", requires=("sbom",)),
    rule("licence.denied", counts="packages", requires=("sbom",)),
    rule("registry.allowed", stage=Stage.REQUEST, counts="images"),
    rule("digest.required", stage=Stage.REQUEST, counts="images", requires=("evidence",)),
    rule("evidence.allowed", stage=Stage.REQUEST, counts="images", requires=("evidence",)),
)


def _same(answer: object) -> object:
    return answer


@dataclass
class Rules(PolicyEngine):
    """Evaluates `LOADED`; `error` and `answer` break one stage, `only`, or both when it is None."""

    error: AssayError | None = None
    answer: Callable[[Any], object] = _same
    only: Stage | None = None
    denied_registries: frozenset[str] = frozenset()
    policy: LoadedPolicy = LOADED
    asked: list[Mapping[str, object]] = field(default_factory=list)

    def loaded(self) -> LoadedPolicy:
        return self.policy

    def ping(self, deadline: Deadline) -> None:
        deadline.remaining("the policy engine")
        if self.error is not None:
            raise self.error

    def query(self, stage: Stage, document: Mapping[str, object], deadline: Deadline) -> object:
        deadline.remaining("the policy engine")
        self.asked.append(document)
        broken = self.only in {None, stage}
        if broken and self.error is not None:
            raise self.error
        answer = self._evidence(document) if stage is Stage.EVIDENCE else self._request(document)
        return self.answer(answer) if broken else answer

    def _evidence(self, document: Json | Mapping[str, Any]) -> Json:
        packages = [package for sbom in document["sbom"] for package in sbom["packages"]]
        complaints = {
            "signature.authority": not any("release" in item["trust"] for item in document["signatures"]),
            "provenance.builder": not any(
                item["builder"]["id"] == BUILDER and "release" in document["attestations"][item["attestation"]]["trust"]
                for item in document["provenance"]
            ),
            "sbom.found": not document["sbom"],
            "licence.denied": any("GPL-3.0-only" in str(package) for package in packages),
        }
        return _answer(Stage.EVIDENCE, document, {code: [""] if bad else [] for code, bad in complaints.items()})

    def _request(self, document: Json | Mapping[str, Any]) -> Json:
        images = document["images"]
        complaints = {
            "registry.allowed": [item["key"] for item in images if item["registry"] in self.denied_registries],
            "digest.required": [item["key"] for item in images if not item["digest"] and not _runs(item)],
            "evidence.allowed": [item["key"] for item in images if item["verdict"] != "allow" and not _runs(item)],
        }
        answer = _answer(Stage.REQUEST, document, complaints)
        blamed = {key for keys in complaints.values() for key in keys}
        return {**answer, "images": {item["key"]: item["key"] not in blamed for item in images}}


def _runs(image: Mapping[str, object]) -> bool:
    return image["verdict"] == "runs_already"


def _answer(stage: Stage, document: Mapping[str, object], complaints: Mapping[str, list[str]]) -> Json:
    counted = {code: COUNTERS[stage][LOADED.rules[code].counts](document) for code in complaints}
    member: Callable[[str], Json] = (lambda key: {"image": key}) if stage is Stage.REQUEST else lambda _: {}
    return {
        "allow": all(counted[code] > 0 and not keys for code, keys in complaints.items()),
        "findings": [
            {"code": code, "term": "", "msg": f"{code} does not hold", "evidence": [], **member(key)}
            for code, keys in complaints.items()
            for key in keys
        ],
        "holds": {code: True for code, keys in complaints.items() if not keys},
        "checked": counted,
    }


def trust_in(*authorities: Authority) -> TrustSnapshot:
    """Trust in these authorities, without a trust root."""
    return TrustSnapshot.of(authorities, {})


@dataclass
class World:
    """An engine and the fakes behind it."""

    policy: Rules = field(default_factory=Rules)
    log: MemoryLog = field(default_factory=MemoryLog)
    clock: FrozenClock | MovingClock = field(default_factory=FrozenClock)
    metrics: CountingMetrics = field(default_factory=CountingMetrics)
    access: RegistryAccess = field(default_factory=lambda: RegistryAccess(plain_http_on_loopback=True))
    registry: Registry | None = None
    authority: FakeAuthority = field(default_factory=FakeAuthority)
    trust: TrustRoots | None = None
    memory: Memory = field(default_factory=lambda: Memory(store=MemoryStore()))
    ids: int = 0
    break_glass: BreakGlass | None = None
    tags: TagGuard | None = None

    def engine(self) -> Engine:
        return Engine(
            registry=self.registry or RegistryClient(access=self.access, limits=Limits()),
            open_layout=self._no_layout,
            open_candidate=self._candidate,
            policy=self.policy,
            trust=self.trust or trust_in(self.authority.authority),
            log=self.log,
            clock=self.clock,
            metrics=self.metrics,
            limits=Limits(),
            new_id=self._new_id,
            memory=self.memory,
            life=CacheLife(),
            revision=Digest.of(b"release"),
            break_glass=self.break_glass,
            tags=self.tags,
        )

    def deadline(self, seconds: float = 10) -> Deadline:
        return Deadline.after(seconds, self.clock.monotonic)

    def _new_id(self) -> str:
        self.ids += 1
        return identifier(self.ids)

    @staticmethod
    def _candidate(artefact: Artefact, candidate: Candidate) -> Registry:
        return CandidateRegistry.of(candidate, artefact, limits=Limits())

    @staticmethod
    def _no_layout(path: str) -> Registry:
        raise InvalidInput("layout_unknown", f"there is no layout {path}", remedy="name one that is there")


def good_bundles(authority: FakeAuthority, digest: Digest) -> dict[str, bytes]:
    """A signature, provenance and an SBOM of an image: all that `LOADED` asks for."""
    return {
        "signature": authority.bundle(digest),
        "provenance": authority.bundle(digest, predicate_type=PROVENANCE_TYPE, predicate=provenance_predicate()),
        "sbom": authority.bundle(digest, predicate_type=SPDX_TYPE, predicate=spdx_predicate("MIT")),
    }


def candidate(bundles: Mapping[str, bytes]) -> Candidate:
    """The small image with these bundles, pushed nowhere."""
    return Candidate(manifest=image(), media_type=OCI_MANIFEST, config=CONFIG, bundles=tuple(bundles.values()))


def publish(registry: FakeRegistry, path: str, bundles: Mapping[str, bytes]) -> Digest:
    """Put the small image under the tag `v1`, with these bundles beside it."""
    digest = put_image(registry, path).digest
    for bundle in bundles.values():
        put_bundle(registry, path, image(), bundle)
    return digest
