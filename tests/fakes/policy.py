"""A policy engine that answers what a test tells it, and the facts around one image."""

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import PolicyIdentity, Severity, Stage
from assay.domain.descriptor import OCI_MANIFEST, Content
from assay.domain.digest import Digest
from assay.domain.errors import AssayError
from assay.domain.evidence import AttestationClaim, Claim, Gap, GapKind, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.policy import LoadedPolicy, Mode, Rule
from assay.domain.reference import Repository
from assay.domain.signer import KeySigner
from assay.formats.manifest import ImageConfig
from assay.ports import PolicyEngine
from assay.usecases.document import EvidenceFacts, evidence_document
from assay.usecases.evidence_tree import Proven

TENANT = "team-a"
NAMED = dict.fromkeys((GapKind.SIGNATURE, GapKind.PROVENANCE, GapKind.SBOM), frozenset({"release"}))
ENVIRONMENT = "production"
BUILDER = "https://assay.dev/builders/local/v1"
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
IMAGE = Digest.of(b"image")
ARTEFACT = Artefact(repository=Repository(registry="registry.example", path="team-a/app"), digest=IMAGE)
IDENTITY = PolicyIdentity(
    bundle=Digest.of(b"bundle"), rule_data=Digest.of(b"rule data"), trust=Digest.of(b"trust"), opa=Digest.of(b"opa")
)
CONFIG = ImageConfig(architecture="amd64", os="linux", user="65532", labels=(("b", "2"), ("a", "1")))
PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
SPDX_TYPE = "https://spdx.dev/Document"
CYCLONEDX_TYPE = "https://cyclonedx.org/bom"


def deadline(seconds: float = 5.0) -> Deadline:
    """A deadline on a clock that stands still."""
    return Deadline(at=seconds, clock=lambda: 0.0)


def signature_claim(*, authority: str = "release", key: str = "key", bound_to: Digest = IMAGE) -> SignatureClaim:
    """A verified signature of the image."""
    return SignatureClaim(
        item=Digest.of(f"signature {authority} {key}".encode()),
        bound_to=bound_to,
        format="bundle",
        signer=KeySigner(key_id=Digest.of(key.encode())),
        authorities=(authority,),
    )


def attestation_claim(
    predicate_type: str, predicate: Mapping[str, object], *, authority: str = "release"
) -> AttestationClaim:
    """A verified attestation about the image."""
    return AttestationClaim(
        item=Digest.of(repr((predicate_type, predicate, authority)).encode()),
        bound_to=IMAGE,
        predicate_type=predicate_type,
        subjects=(IMAGE,),
        format="bundle",
        signer=KeySigner(key_id=Digest.of(b"key")),
        authorities=(authority,),
        predicate=predicate,
    )


def provenance_predicate(
    *, builder: str = BUILDER, uri: str = "git+https://git.example/team-a/app", commit: str = "c0" * 20
) -> dict[str, object]:
    """SLSA provenance v1 of one source."""
    return {
        "buildDefinition": {
            "buildType": "https://assay.dev/buildtypes/go-image/v1",
            "externalParameters": {},
            "resolvedDependencies": [{"uri": uri, "digest": {"gitCommit": commit}}],
        },
        "runDetails": {"builder": {"id": builder}, "metadata": {"invocationId": "run-1"}},
    }


def spdx_predicate(*licences: str) -> dict[str, object]:
    """An SPDX 2.3 document with one package for each licence."""
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "app",
        "creationInfo": {"created": "2026-11-21T10:00:00Z", "creators": ["Tool: fake"]},
        "packages": [
            {
                "SPDXID": f"SPDXRef-{number}",
                "name": f"package-{number}",
                "versionInfo": "1.0",
                "licenseDeclared": licence,
                "externalRefs": [
                    {
                        "referenceCategory": "PACKAGE-MANAGER",
                        "referenceType": "purl",
                        "referenceLocator": f"pkg:golang/example/package-{number}@1.0",
                    }
                ],
            }
            for number, licence in enumerate(licences)
        ],
    }


def good_claims() -> tuple[Claim, ...]:
    """Everything the example rule data asks for."""
    return (
        signature_claim(),
        attestation_claim(PROVENANCE_TYPE, provenance_predicate()),
        attestation_claim(SPDX_TYPE, spdx_predicate("MIT", "GPL-3.0-only OR MIT", "MIT")),
    )


def evidence_facts(
    *claims: Claim,
    gaps: tuple[Gap, ...] = (),
    rejected: tuple[Rejection, ...] = (),
    identity: PolicyIdentity = IDENTITY,
    config: ImageConfig | None = CONFIG,
    platform: str = "",
    indexes: tuple[Digest, ...] = (),
) -> EvidenceFacts:
    """The evidence document over these claims."""
    return evidence_document(
        repository=ARTEFACT.repository,
        proven=Proven(
            subject=Content(media_type=OCI_MANIFEST, octets=b"image", digest=IMAGE),
            platform=platform,
            indexes=indexes,
            config=config,
            claims=claims,
            gaps=gaps,
            rejected=rejected,
        ),
        tenant=TENANT,
        environment=ENVIRONMENT,
        policy=identity,
        since=NOW,
        named=NAMED,
        limits=Limits(packages=100),
    )


def rule(
    code: str,
    *,
    stage: Stage = Stage.EVIDENCE,
    counts: str = "signatures",
    requires: tuple[str, ...] = (),
    effective_on: datetime | None = None,
    may_be_empty: bool = False,
) -> Rule:
    """A rule as the index knows it."""
    return Rule(
        code=code,
        stage=stage,
        title=code,
        description=code,
        severity=Severity.HIGH,
        requires=requires,
        counts=counts,
        solution="correct it",
        owner="security",
        location=f"rule/{code}.rego:1",
        effective_on=effective_on,
        may_be_empty=may_be_empty,
    )


def policy(
    *rules: Rule, mandatory: tuple[str, ...] | None = None, modes: Mapping[str, Mode] | None = None
) -> LoadedPolicy:
    """A loaded policy in which all of these rules are mandatory, unless the codes are given."""
    codes = tuple(item.code for item in rules) if mandatory is None else mandatory
    stages = {item.code: item.stage for item in rules}
    return LoadedPolicy(
        bundle=IDENTITY.bundle,
        rule_data=IDENTITY.rule_data,
        opa=IDENTITY.opa,
        rules={item.code: item for item in rules},
        mandatory={
            (TENANT, ENVIRONMENT, stage): tuple(code for code in codes if stages.get(code, stage) is stage)
            for stage in Stage
        },
        named={(TENANT, ENVIRONMENT): NAMED},
        modes={(TENANT, ENVIRONMENT): modes or {}},
    )


class FakeEngine(PolicyEngine):
    """Answers every question with one answer, or raises one error; remembers what it was asked."""

    def __init__(self, loaded: LoadedPolicy, answer: object | AssayError) -> None:
        self._loaded = loaded
        self._answer = answer
        self.asked: list[Mapping[str, object]] = []

    def loaded(self) -> LoadedPolicy:
        return self._loaded

    def query(self, stage: Stage, document: Mapping[str, object], deadline: Deadline) -> object:
        deadline.remaining(stage)
        self.asked.append(document)
        if isinstance(self._answer, AssayError):
            raise self._answer
        return copy.deepcopy(self._answer)

    def ping(self, deadline: Deadline) -> None:
        deadline.remaining("ping")
        if isinstance(self._answer, AssayError):
            raise self._answer


def paths(value: object, prefix: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every path below a JSON value."""
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        children = list(enumerate(value))
    for key, item in children:
        yield (*prefix, key)
        yield from paths(item, (*prefix, key))


def changed(value: object, path: tuple[str | int, ...], change: Callable[[object], object] | None) -> object:
    """A copy of a JSON value in which one place is changed, or dropped when there is no change."""
    copied = copy.deepcopy(value)
    parent: object = copied
    for step in path[:-1]:
        parent = parent[step]  # type: ignore[index]  # the path was made from this value
    if change is None:
        del parent[path[-1]]  # type: ignore[attr-defined]
    else:
        parent[path[-1]] = change(parent[path[-1]])  # type: ignore[index]
    return copied
