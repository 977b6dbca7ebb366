"""The closed documents that policy judges, built from verified facts alone.

Every member is always there and never null: missing text is empty, what nobody collects is an empty list beside a gap
`not_collected`. Lists have a stable order, so that the same facts give the same bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assay.domain.admission import AdmissionQuestion, PodFacts
from assay.domain.counter import unusable_document
from assay.domain.decision import DecisionKind, PolicyIdentity, Stage, StageVerdict
from assay.domain.digest import Digest
from assay.domain.evidence import AttestationClaim, Claim, Gap, GapKind, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.reason import GAP_CODES
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import ImageConfig
from assay.tlog.canonical import render_canonical
from assay.usecases.describe import Described, describe_predicates, predicate_kind
from assay.usecases.evidence_tree import Proven
from assay.usecases.standing import Named, hear

_LONGEST_DETAIL = 1024
_NOT_COLLECTED = frozenset(
    Gap(kind=kind, reason=GAP_CODES["not_collected"].reason, code="not_collected")
    for kind in (
        GapKind.VULNERABILITIES,
        GapKind.VEX,
        GapKind.VSA,
        GapKind.LINK,
        GapKind.TEST,
        GapKind.CONTENTS,
        GapKind.BASE_IMAGE,
        GapKind.TAG_STATE,
        GapKind.HEALTH,
        GapKind.CRYPTO_MODULE,
        GapKind.KEV,
        GapKind.EPSS,
        GapKind.VULNDB,
    )
)
_NO_FEED = {"digest": "", "updated": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFacts:
    """The document of the evidence stage with everything that was found missing or false while it was built.

    `gaps` and `rejected` include those the document was built from. `evidence` are the digests of the verified items
    that count. `source_commit` is the commit that provenance names, or empty when there is none or several disagree.
    """

    document: Mapping[str, object] = field(hash=False)
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]
    evidence: tuple[Digest, ...]
    source_commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """Who asks for what, as far as a rule may read it; all of it is the caller's word except `actor_*`."""

    operation: str
    actor_type: str = ""
    actor_issuer: str = ""
    actor_subject: str = ""
    actor_groups: tuple[str, ...] = ()
    namespace: str = ""
    namespace_labels: tuple[tuple[str, str], ...] = ()
    kind: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    service_account: str = ""
    pods: tuple[PodFacts, ...] = ()

    @classmethod
    def of_admission(
        cls, question: AdmissionQuestion, *, namespace_labels: tuple[tuple[str, str], ...]
    ) -> "RequestFacts":
        """The facts of an admission request: neither its uid nor its name, nor whether it is a dry run.

        Without these the Pods of one workload ask the same question, and it is answered once.
        """
        return cls(
            operation=question.operation,
            actor_type="kubernetes",
            actor_subject=question.user,
            actor_groups=question.groups,
            namespace=question.namespace,
            namespace_labels=namespace_labels,
            kind=question.kind,
            labels=question.labels,
            service_account=question.service_account,
            pods=question.pods,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedImage:
    """One image of a request with the verdict on its evidence.

    `key` names it in the engine's answer and is unique in the request; `digest` is the one that was judged, None when
    none could be resolved. `runs_already` is an image whose evidence was not judged, because the request does not
    change the image set. `stale_seconds` is the age of the listing behind a verdict that was given although the
    registry could not be asked, else 0.
    """

    key: str
    reference: Reference
    digest: Digest | None
    verdict: StageVerdict
    runs_already: bool = False
    stale_seconds: int = 0


def evidence_document(
    *,
    repository: Repository,
    proven: Proven,
    tenant: str,
    environment: str,
    policy: PolicyIdentity,
    since: datetime,
    named: Named,
    limits: Limits,
) -> EvidenceFacts:
    """Build `assay.input/v1` for one image, over everything that speaks about it.

    Of the request it holds nothing but whose rules count, and the time is `since`: the last moment at which a rule
    changed. So whoever asks, and whenever, gets the same bytes.

    Claims of authorities that are not `named` for their kind are rejected unread. A signed predicate that cannot be
    read becomes a gap of its kind and a rejection; a kind of which there is nothing becomes a gap `absent`, or
    `all_rejected` when something was there and all of it was rejected. That nobody signed the index which lists a
    statement is a gap only where there is nothing else of its kind. Gaps name the platform, where the image lies in an
    index.
    """
    heard = hear(proven.claims, named)
    signatures, attestations = _sorted_claims(heard.claims)
    described = describe_predicates(attestations, limits)
    all_rejected = tuple(sorted({*proven.rejected, *heard.rejected, *described.rejected}))
    found = {GapKind.SIGNATURE for _ in signatures} | {predicate_kind(item.predicate_type) for item in attestations}
    all_gaps = _all_gaps(proven, described, found, rejected=bool(all_rejected))
    document = {
        "schema": "assay.input/v1",
        "request": {"tenant": tenant, "environment": environment},
        "context": _context(Stage.EVIDENCE, policy, since),
        "image": _image(repository, proven),
        "signatures": [_signature(claim) for claim in signatures],
        "attestations": [_attestation(claim) for claim in attestations],
        "provenance": list(described.provenance),
        "sbom": list(described.sboms),
        **{name: [] for name in ("links", "vulnerabilities", "tests", "crypto_modules", "vsas", "waivers")},
        "gaps": [_gap_entry(gap) for gap in all_gaps],
        "rejected": [{"id": item.id.text, "reason": item.code} for item in all_rejected],
    }
    return EvidenceFacts(
        document=document,
        gaps=all_gaps,
        rejected=all_rejected,
        evidence=tuple(sorted({claim.item for claim in heard.claims})),
        source_commit=_agreed_commit(described),
    )


def request_document(
    *,
    request: RequestFacts,
    tenant: str,
    environment: str,
    kind: DecisionKind,
    policy: PolicyIdentity,
    since: datetime,
    images: Sequence[JudgedImage],
) -> Mapping[str, object]:
    """Build `assay.request/v1`: who asks, and the images with the verdicts on their evidence, in the given order.

    Its time is `since`, the last moment at which a rule changed, so that the same question gives the same bytes.

    `ValueError` when two images share a key: one answer would stand for both.
    """
    if len({image.key for image in images}) != len(images):
        raise ValueError("every image of a request needs a key of its own")
    return {
        "schema": "assay.request/v1",
        "request": _request(request, kind=kind, tenant=tenant, environment=environment),
        "context": _context(Stage.REQUEST, policy, since),
        "images": [_judged(image) for image in images],
        "waivers": [],
    }


def canonical(document: Mapping[str, object]) -> bytes:
    """The RFC 8785 form of a document: what is digested, recorded and evaluated again."""
    try:
        return render_canonical(document)
    except ValueError as error:
        raise unusable_document(str(error)[:200]) from error


def _sorted_claims(claims: Iterable[Claim]) -> tuple[list[SignatureClaim], list[AttestationClaim]]:
    signatures: list[SignatureClaim] = []
    attestations: list[AttestationClaim] = []
    for claim in claims:
        match claim:
            case SignatureClaim():
                signatures.append(claim)
            case AttestationClaim():
                attestations.append(claim)
    return (
        sorted(signatures, key=lambda claim: (claim.item, claim.signer.id, claim.bound_to)),
        sorted(attestations, key=lambda claim: (claim.item, claim.signer.id, claim.bound_to)),
    )


def _all_gaps(proven: Proven, described: Described, found: set[GapKind | None], *, rejected: bool) -> tuple[Gap, ...]:
    told = {gap for gap in proven.gaps if gap.code != "attestation_unsigned" or gap.kind not in found}
    known = {*told, *described.gaps}
    missing = _missing(found | {gap.kind for gap in known}, proven.config, rejected=rejected)
    named = {replace(gap, platform=proven.platform) for gap in known | missing}
    return tuple(sorted(named | _NOT_COLLECTED))


def _missing(known: set[GapKind | None], config: ImageConfig | None, *, rejected: bool) -> set[Gap]:
    code = "all_rejected" if rejected else "absent"
    wanted = {GapKind.SIGNATURE, GapKind.PROVENANCE, GapKind.SBOM} - known
    missing = {_gap(kind, code) for kind in wanted}
    if config is None and GapKind.CONFIG not in known:
        missing.add(_gap(GapKind.CONFIG, "absent"))
    return missing


def _gap(kind: GapKind, code: str) -> Gap:
    return Gap(kind=kind, reason=GAP_CODES[code].reason, code=code)


def _agreed_commit(described: Described) -> str:
    return described.commits[0] if len(set(described.commits)) == 1 else ""


def _request(request: RequestFacts, *, kind: DecisionKind, tenant: str, environment: str) -> dict[str, object]:
    return {
        "kind": kind.value,
        "tenant": tenant,
        "environment": environment,
        "actor": {
            "type": request.actor_type,
            "issuer": request.actor_issuer,
            "subject": request.actor_subject,
            "groups": list(request.actor_groups),
        },
        "operation": request.operation,
        "k8s": {
            "namespace": request.namespace,
            "namespace_labels": dict(request.namespace_labels),
            "kind": request.kind,
            "labels": dict(sorted(request.labels)),
            "service_account": request.service_account,
            "pods": [_pod(pod) for pod in request.pods],
        },
    }


def _pod(pod: PodFacts) -> dict[str, object]:
    return {
        "host_namespaces": list(pod.host_namespaces),
        "host_path": pod.host_path,
        "privileged": pod.privileged,
        "root": pod.root,
        "escalation": pod.escalation,
        "capabilities": list(pod.capabilities),
        "seccomp": list(pod.seccomp),
    }


def _context(stage: Stage, policy: PolicyIdentity, time: datetime) -> dict[str, object]:
    moment = time.astimezone(UTC).replace(microsecond=0)
    return {
        "stage": stage.value,
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "time_s": int(moment.timestamp()),
        "policy": {"bundle": policy.bundle.text, "rule_data": policy.rule_data.text, "opa": policy.opa.text},
        "trust": {"root": policy.trust.text},
        "vulndb": dict(_NO_FEED),
        "kev": dict(_NO_FEED),
        "epss": dict(_NO_FEED),
    }


def _image(repository: Repository, proven: Proven) -> dict[str, object]:
    facts = proven.config or ImageConfig()
    platform = {
        "os": facts.os,
        "arch": facts.architecture,
        "variant": facts.variant,
        "digest": proven.subject.digest.text,
    }
    return {
        "ref": "",
        "registry": repository.registry,
        "repository": repository.path,
        "tag": "",
        "digest": proven.subject.digest.text,
        "indexes": [index.text for index in proven.indexes],
        "media_type": proven.subject.media_type,
        "created": facts.created,
        "tag_state": {"immutable": "unknown", "previous_digests": []},
        "platforms": [platform] if proven.config is not None else [],
        "config": {
            "user": facts.user,
            "labels": dict(sorted(facts.labels)),
            "env_names": list(facts.env_names),
            "entrypoint": list(facts.entrypoint),
            "exposed_ports": list(facts.exposed_ports),
        },
        "contents": {"shell": [], "package_managers": [], "setuid": []},
        "base": [],
    }


def _signature(claim: SignatureClaim) -> dict[str, object]:
    return {
        "id": claim.item.text,
        "bound_to": claim.bound_to.text,
        "format": claim.format,
        "keyid": claim.signer.id.text,
        "annotations": dict(sorted(claim.annotations)),
        "trust": sorted(claim.authorities),
    }


def _attestation(claim: AttestationClaim) -> dict[str, object]:
    return {
        "id": claim.item.text,
        "bound_to": claim.bound_to.text,
        "predicate_type": claim.predicate_type,
        "subjects": sorted(subject.text for subject in claim.subjects),
        "format": claim.format,
        "keyid": claim.signer.id.text,
        "trust": sorted(claim.authorities),
    }


def _gap_entry(gap: Gap) -> dict[str, object]:
    return {
        "kind": gap.kind.value,
        "platform": gap.platform,
        "reason": gap.reason.value,
        "code": gap.code,
        "detail": gap.detail[:_LONGEST_DETAIL],
    }


def _judged(image: JudgedImage) -> dict[str, object]:
    return {
        "key": image.key,
        "ref": str(image.reference),
        "registry": image.reference.repository.registry,
        "repository": image.reference.repository.path,
        "tag": image.reference.tag,
        "digest": image.digest.text if image.digest is not None else "",
        "verdict": "runs_already" if image.runs_already else image.verdict.verdict.value,
        "stale_seconds": image.stale_seconds,
    }
