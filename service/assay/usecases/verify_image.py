"""Verify one image's evidence without a policy: for people at a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.evidence import Claim, Gap, GapKind, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.reason import GAP_CODES
from assay.domain.reference import Reference
from assay.ports import Registry
from assay.usecases.collect import collect
from assay.usecases.judge import Verified, refusal, verify_collected
from assay.usecases.resolve import resolve
from assay.verification.trust_snapshot import TrustSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was proven about an image, and what was not."""

    artefact: Artefact
    claims: tuple[Claim, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]

    @property
    def signed(self) -> bool:
        """Whether a trusted signer signed the image; an attestation alone never is a signature."""
        return any(isinstance(claim, SignatureClaim) for claim in self.claims)


def verify_image(
    registry: Registry,
    reference: Reference,
    trust: TrustSnapshot,
    deadline: Deadline,
) -> Verification:
    """Resolve, collect, verify; raises what reading the image itself raises.

    An image without a verified signature has a gap of kind `signature` that says why.
    """
    limits = Limits()
    resolved = resolve(registry, reference, deadline)
    everybody = dict.fromkeys(GapKind, frozenset(authority.name for authority in trust.authorities))
    refuse = refusal(resolved.artefact.digest, trust, everybody, limits)
    collected = collect(registry, resolved.artefact, resolved.manifest, deadline, limits, refuse=refuse)
    verified = verify_collected(collected, resolved.artefact.digest, trust, limits)
    return Verification(
        artefact=resolved.artefact,
        claims=verified.claims,
        gaps=collected.gaps + _missing_signature(verified, collected.gaps),
        rejected=tuple(sorted(verified.rejected)),
    )


def _missing_signature(verified: Verified, gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    signed = any(isinstance(claim, SignatureClaim) for claim in verified.claims)
    if signed or any(gap.kind is GapKind.SIGNATURE for gap in gaps):
        return ()
    unjudged = any(rejection.code == "trust_root_unavailable" for rejection in verified.rejected)
    code = "trust_root_unavailable" if unjudged else "all_rejected" if verified.rejected else "absent"
    return (Gap(kind=GapKind.SIGNATURE, reason=GAP_CODES[code].reason, code=code),)
