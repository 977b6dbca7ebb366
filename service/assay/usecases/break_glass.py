"""Break-glass: grants that are signed by whoever may, and the denial that they turn into an allow."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from assay.domain.break_glass import BREAK_GLASS, Grant, GrantRules, GrantStanding, Situation, Visit, first_to_expire
from assay.domain.decision import Decision, DecisionKind, Finding, Severity, Stage, StageVerdict, Status, Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence import AttestationClaim, EvidenceItem, EvidenceShape
from assay.domain.limit import Limits
from assay.domain.reference import Reference
from assay.domain.statement import Statement
from assay.formats.break_glass import parse_grant
from assay.formats.bundle import parse_bundle
from assay.formats.dsse import Envelope
from assay.formats.statement import parse_statement
from assay.ports import Grants
from assay.ports.metrics import Metrics
from assay.verification.item import verify_item_for
from assay.verification.message import Message
from assay.verification.trust_snapshot import TrustSnapshot

_CODE = "break_glass"
_Signers = dict[Digest, set[str]]
"""The signers by their ids, each with the authorities that name it."""
Named = Mapping[str, Digest | None]
"""The images of a request by their references, with the digests that were judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """The grants of an installation, and the rules for them."""

    grants: Grants
    rules: GrantRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A decision that is no allow, the stages it follows from, its images, and the namespace it is about.

    `asked` is what both hooks are told alike about the object, and `final` says which of them this is.
    """

    decision: Decision
    stages: Sequence[StageVerdict]
    images: Named
    namespace: str
    asked: tuple[str, ...] = ()
    final: bool = True

    def visit(self, digests: Collection[Digest]) -> Visit:
        """This look at the object, as far as it can be known again.

        The API server gives each call a uid of its own, and makes a generated name between the two hooks: neither is
        part of the subject. Objects that are alike in all the rest have as many looks as uses were taken for them.
        """
        parts = [self.decision.tenant, self.decision.environment, self.namespace, *self.asked]
        subject = Digest.of("\0".join([*parts, *sorted({digest.text for digest in digests})]).encode())
        return Visit(subject=subject, final=self.final)

    def digests(self) -> Mapping[str, Digest] | None:
        """The images that would have to be granted, by reference; None when no grant can help.

        It can when every stage that does not allow says why, and everything that stands in the way is about an image
        whose digest is known. What is about the request as a whole stays.
        """
        if any(stage.verdict is not Verdict.ALLOW and not _blocking(stage.findings) for stage in self.stages):
            return None
        wanted = {finding.image: self.images.get(finding.image) for finding in _blocking(self.decision.findings)}
        known = {image: digest for image, digest in wanted.items() if digest is not None}
        return known if wanted and len(known) == len(wanted) else None


def reconsider(glass: BreakGlass, denial: Denial, trust: TrustSnapshot, metrics: Metrics, limits: Limits) -> Decision:
    """The decision, or the allow that grants make of it.

    An allow names each grant in a finding `break_glass` and in its evidence, and what it overruled is `waived` there.
    Each grant has one use less, durably and before the decision is recorded, unless it is a dry run or the first look
    at the same object has paid for this one. A grant that cannot be read or counted changes nothing. Admission alone
    has grants: what is published can wait.
    """
    decision = denial.decision
    if decision.kind is not DecisionKind.ADMISSION or decision.verdict is Verdict.ALLOW:
        return decision
    wanted = denial.digests()
    if wanted is None:
        return decision
    try:
        granted = _grant(glass, denial, wanted, trust, limits)
    except Unavailable as error:
        metrics.count_failure(error.code)
        return decision
    return decision if granted is None else _allow(decision, granted)


def is_granted(decision: Decision, reference: Reference) -> bool:
    """Whether a grant made a decision an allow for this image."""
    return any(finding.code == _CODE and finding.image == str(reference) for finding in decision.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedGrant:
    """A grant with the authorities that signed it, how often it was used, and why it does not hold now, if so."""

    grant: Grant
    authorities: tuple[str, ...]
    standing: GrantStanding
    objection: str


def survey_grants(
    glass: BreakGlass, trust: TrustSnapshot, limits: Limits, now: datetime
) -> tuple[tuple[SurveyedGrant, ...], tuple[Digest, ...]]:
    """Every grant that somebody trusted signed, and the digests of the bundles that are none.

    Raises `Unavailable(grants_unavailable)`.
    """
    signed, others = _read_grants(glass.grants, trust, limits)
    ordered = first_to_expire(list(signed))
    return tuple(_survey(glass, grant, signed[grant], now) for grant in ordered), others


def _survey(glass: BreakGlass, grant: Grant, signers: _Signers, now: datetime) -> SurveyedGrant:
    standing = glass.grants.standing(grant.id)
    anywhere = Situation(tenant=grant.tenant, environment=grant.environment, namespace=grant.namespaces[0], time=now)
    return SurveyedGrant(
        grant=grant,
        authorities=tuple(sorted({name for names in signers.values() for name in names})),
        standing=standing,
        objection=_objection(glass.rules, grant, signers) or standing.objection(grant) or anywhere.objection(grant),
    )


def _objection(rules: GrantRules, grant: Grant, signers: _Signers) -> str:
    return rules.objection(grant) or ("" if rules.is_signed(signers) else "not enough of those who may have signed it")


def _read_grants(
    grants: Grants, trust: TrustSnapshot, limits: Limits
) -> tuple[Mapping[Grant, _Signers], tuple[Digest, ...]]:
    """Every grant with its trusted signers, and the digests of the bundles that are none; each is verified once."""
    signers: dict[Grant, _Signers] = {}
    others: list[Digest] = []
    for bundle in grants.list_bundles():
        signed = _read_grant(bundle, trust, limits)
        if signed is None:
            others.append(Digest.of(bundle))
            continue
        grant, claim = signed
        signers.setdefault(grant, {}).setdefault(claim.signer.id, set()).update(claim.authorities)
    return signers, tuple(others)


def _read_grant(bundle: bytes, trust: TrustSnapshot, limits: Limits) -> tuple[Grant, AttestationClaim] | None:
    """The grant in a bundle when somebody signed it who is trusted, and who that is.

    A signature covers all subjects of its statement, so that it is enough to verify it under any of them.
    """
    item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=bundle)
    try:
        named = (subject.digest for subject in read_statement(bundle, limits).subjects)
        subject = next(digest for digest in named if digest is not None)
        claim = verify_item_for(trust.groups, item, artefact=Message.of_digest(subject), limits=limits)
        if isinstance(claim, AttestationClaim) and claim.predicate_type == BREAK_GLASS:
            return parse_grant(claim.predicate, claim.subjects), claim
    except (InvalidInput, StopIteration):
        return None
    return None


def read_statement(bundle: bytes, limits: Limits) -> Statement:
    """The statement in a bundle, whoever signed it; `InvalidInput` for a bundle without one."""
    content = parse_bundle(bundle, limits=limits).content
    if not isinstance(content, Envelope):
        raise InvalidInput("grant_malformed", "the bundle holds no statement", remedy="name a grant")
    return parse_statement(content.untrusted_payload, limits=limits)


def _grant(
    glass: BreakGlass, denial: Denial, wanted: Mapping[str, Digest], trust: TrustSnapshot, limits: Limits
) -> Mapping[str, Grant] | None:
    """A grant with a use left for each image, the use taken; None unless there is one for all of them."""
    decision = denial.decision
    situation = Situation(
        tenant=decision.tenant,
        environment=decision.environment,
        namespace=denial.namespace,
        time=decision.time,
    )
    signed, _ = _read_grants(glass.grants, trust, limits)
    visit = denial.visit(wanted.values())
    usable = [
        grant
        for grant, signers in signed.items()
        if not _objection(glass.rules, grant, signers)
        and not situation.objection(grant)
        and _is_left(glass.grants, grant, visit, decision.time)
    ]
    chosen: dict[str, Grant] = {}
    for image, digest in wanted.items():
        covering = [grant for grant in usable if digest in grant.digests]
        if not covering:
            return None
        chosen[image] = first_to_expire(covering)[0]
    if decision.dry_run or _use_all(glass.grants, set(chosen.values()), decision, visit):
        return chosen
    return None


def _is_left(grants: Grants, grant: Grant, visit: Visit, time: datetime) -> bool:
    standing = grants.standing(grant.id)
    return not standing.objection(grant) or (not standing.revoked and grants.is_paid(grant.id, visit, time=time))


def _use_all(grants: Grants, chosen: set[Grant], decision: Decision, visit: Visit) -> bool:
    # One that is used up by somebody else at this moment leaves the uses of the others taken: never one too many.
    return all(
        grants.use(grant.id, decision=decision.id, time=decision.time, most=grant.uses, visit=visit)
        for grant in first_to_expire(list(chosen))
    )


def _allow(decision: Decision, granted: Mapping[str, Grant]) -> Decision:
    overruled = [replace(finding, status=Status.WAIVED) if finding.blocks else finding for finding in decision.findings]
    told = [_tell(image, grant) for image, grant in granted.items()]
    used = {grant.id for grant in granted.values()}
    return replace(
        decision,
        verdict=Verdict.ALLOW,
        retryable=False,
        findings=(*overruled, *told),
        evidence=tuple(sorted({*decision.evidence, *used})),
    )


def _tell(image: str, grant: Grant) -> Finding:
    return Finding(
        code=_CODE,
        status=Status.WARNING,
        severity=Severity.CRITICAL,
        stage=Stage.REQUEST,
        msg=f"allowed by the grant {grant.id} for {grant.owner}, {grant.ticket}: {grant.reason}",
        image=image,
        solution=f"replace the image before {grant.expires:%Y-%m-%dT%H:%M:%SZ}",
    )


def _blocking(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.blocks]
