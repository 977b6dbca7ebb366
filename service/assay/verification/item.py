"""One piece of evidence against one artefact: read it, verify it for every authority, make the claim."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from assay.domain.digest import Digest
from assay.domain.errors import AssayError, EvidenceRejected, InvalidInput
from assay.domain.evidence import AttestationClaim, Claim, EvidenceItem, EvidenceShape, Rejection, SignatureClaim
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.domain.reason import REJECTION_CODES
from assay.formats.bundle import parse_bundle
from assay.formats.legacy_evidence import parse_legacy_attestation, parse_legacy_signature
from assay.formats.untrusted_evidence import UntrustedEvidence
from assay.verification.authority_group import AuthorityGroup, group_authorities
from assay.verification.message import Message
from assay.verification.steps import (
    Verified,
    identity_mismatch,
    verify_certificate_evidence,
    verify_key_evidence,
)
from assay.verification.trust_root import TrustRoot

NO_ROOTS: Mapping[str, TrustRoot] = MappingProxyType({})
_ROWS = {code: row for row, code in enumerate(REJECTION_CODES)}


def verify_item(
    item: EvidenceItem,
    *,
    subject: Digest,
    authorities: Sequence[Authority],
    roots: Mapping[str, TrustRoot] = NO_ROOTS,
    limits: Limits,
) -> Claim | Rejection:
    """Verify one piece of evidence about `subject`, for every authority with its own trust root.

    A claim is returned only after every step has passed; it names all authorities for whom they passed. Evidence that
    does not hold is a `Rejection` whose code is that of the first failing step (of the trust root under which it got
    furthest), one of `domain.reason.REJECTION_CODES`. A payload is parsed only after its signature verified.
    Raises nothing for evidence of any content; `InvalidInput(key_malformed | key_unsupported)` for an authority's
    unusable key.
    """
    groups = group_authorities(authorities, roots)
    return verify_item_for(groups, item, artefact=Message.of_digest(subject), limits=limits)


def verify_item_for(
    groups: Sequence[AuthorityGroup], item: EvidenceItem, *, artefact: Message, limits: Limits
) -> Claim | Rejection:
    """Verify one piece of evidence for authorities that were made ready before, with the contract of `verify_item`.

    Some message signatures (SHA-384, SHA-512 and Ed25519) need the bytes of the artefact.
    """
    identity = item.digest
    try:
        return _verify(identity, _read(item, limits), artefact, groups, limits)
    except (EvidenceRejected, InvalidInput) as error:
        return Rejection(id=identity, code=error.code, detail=error.message)


def verify_bundle(
    bundle: bytes,
    *,
    artefact: Message,
    authorities: Sequence[Authority],
    roots: Mapping[str, TrustRoot] = NO_ROOTS,
    limits: Limits,
) -> Claim | Rejection:
    """Verify one bundle about an artefact that is a file or any digest, with the contract of `verify_item`.

    Some signatures (SHA-384, SHA-512 and Ed25519 over the artefact) need its bytes.
    """
    identity = Digest.of(bundle)
    groups = group_authorities(authorities, roots)
    try:
        return _verify(identity, parse_bundle(bundle, limits=limits), artefact, groups, limits)
    except (EvidenceRejected, InvalidInput) as error:
        return Rejection(id=identity, code=error.code, detail=error.message)


def _read(item: EvidenceItem, limits: Limits) -> UntrustedEvidence:
    if len(item.content) > limits.blob_octets:
        raise EvidenceRejected(
            "evidence_limit", f"the evidence has more than {limits.blob_octets} bytes", remedy="raise the limit"
        )
    match item.shape:
        case EvidenceShape.BUNDLE:
            return parse_bundle(item.content, limits=limits)
        case EvidenceShape.LEGACY_SIGNATURE:
            return parse_legacy_signature(item, limits=limits)
        case EvidenceShape.LEGACY_ATTESTATION:
            return parse_legacy_attestation(item, limits=limits)
        case _:
            assert_never(item.shape)


def _verify(
    item: Digest, evidence: UntrustedEvidence, artefact: Message, groups: Sequence[AuthorityGroup], limits: Limits
) -> Claim:
    verify = verify_certificate_evidence if evidence.certificates else verify_key_evidence
    passed: list[Verified] = []
    failed: list[AssayError] = []
    for group in groups:
        if group.has_identities if evidence.certificates else group.has_keys:
            try:
                passed.append(verify(evidence, artefact, group, limits=limits))
            except (EvidenceRejected, InvalidInput) as error:
                failed.append(error)
    if passed:
        return _claim(item, evidence.format, _together(passed))
    if failed:
        raise max(failed, key=lambda error: _ROWS.get(error.code, 0))
    kind = "identity" if evidence.certificates else "key"
    raise identity_mismatch(f"no configured authority has a {kind} that such evidence could meet")


def _together(passed: Sequence[Verified]) -> Verified:
    first = passed[0]
    same = [verified for verified in passed if verified.signer == first.signer]
    return Verified(
        signer=first.signer,
        authorities=tuple(dict.fromkeys(name for verified in same for name in verified.authorities)),
        content=first.content,
        times=tuple(sorted({time for verified in same for time in verified.times})),
        log_entries=tuple(dict.fromkeys(entry for verified in same for entry in verified.log_entries)),
    )


def _claim(item: Digest, form: str, verified: Verified) -> Claim:
    content = verified.content
    if content.attestation is None:
        return SignatureClaim(
            item=item,
            bound_to=content.subject,
            format=form,
            signer=verified.signer,
            authorities=verified.authorities,
            annotations=content.annotations,
            times=verified.times,
            log_entries=verified.log_entries,
        )
    return AttestationClaim(
        item=item,
        bound_to=content.subject,
        predicate_type=content.attestation.predicate_type,
        subjects=content.attestation.digests,
        format=form,
        signer=verified.signer,
        authorities=verified.authorities,
        predicate=content.attestation.predicate,
        times=verified.times,
        log_entries=verified.log_entries,
    )
