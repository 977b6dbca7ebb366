"""Claims, rejections and gaps as branches of a tree."""

from typing import assert_never

from assay.cli.tree import Branch
from assay.domain.evidence import AttestationClaim, Claim, Gap, Rejection, SignatureClaim, VerifiedEntry
from assay.domain.reason import REMEDIES
from assay.domain.signer import KeySigner, Signer, SignerIdentity
from assay.formats.claim import claim_times


def claim_branch(claim: Claim, *, in_index: bool = False) -> Branch:
    """A claim: what was proven, by whom, when, under which log entry, bound to what."""
    match claim:
        case SignatureClaim():
            what = "image signature"
            noted = [Branch(text=f"annotation {name} = {value}") for name, value in claim.annotations]
        case AttestationClaim():
            what, noted = f"attestation {claim.predicate_type}", []
        case _:
            assert_never(claim)
    bound = f"bound to {claim.bound_to}"
    by = ", ".join(claim.authorities)
    return Branch(
        text=f"proven: {what} by {by}",
        below=(
            Branch(text=f"signer: {_signer(claim.signer)} ({claim.format})"),
            *(Branch(text=f"at {time.isoformat()} by {source}") for time, source in claim_times(claim)),
            *(Branch(text=_entry(entry)) for entry in claim.log_entries),
            *noted,
            Branch(text=f"{bound}, and to everything that it lists" if in_index else bound),
        ),
    )


def _signer(signer: Signer) -> str:
    match signer:
        case KeySigner():
            return f"key {signer.key_id}"
        case SignerIdentity():
            return f"{signer.san}, issuer {signer.issuer}" if signer.issuer else signer.san
        case _:
            assert_never(signer)


def _entry(entry: VerifiedEntry) -> str:
    places = [
        *([f"entry {entry.index}"] if entry.index is not None else []),
        *([f"leaf {entry.leaf} of its tree"] if entry.leaf is not None else []),
    ]
    kind = f" ({entry.kind})" if entry.kind else ""
    return f"in the log {entry.origin}, {', '.join(places)}{kind}"


def rejection_branch(rejection: Rejection) -> Branch:
    """A piece of evidence that does not hold: why, and what to do."""
    remedy = Branch(text=f"-> {REMEDIES[rejection.code]}")
    return Branch(text=f"refused: {rejection.id.hex[:12]} {rejection.code}: {rejection.detail}", below=(remedy,))


def gap_branch(gap: Gap) -> Branch:
    """A fact that could not be established, and what to do."""
    detail = f" ({gap.detail})" if gap.detail else ""
    return Branch(text=f"gap: {gap.kind.value}: {gap.code}{detail}", below=(Branch(text=f"-> {REMEDIES[gap.code]}"),))
