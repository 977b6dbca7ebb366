"""Verify the evidence of an image or an index without a policy: for people at a terminal."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.evidence import Claim, Gap, GapKind, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.platform import Platform
from assay.domain.reason import GAP_CODES
from assay.domain.reference import Reference
from assay.ports import Registry
from assay.usecases.evidence_tree import EvidenceTree, Proven, grow_tree
from assay.usecases.resolve import resolve
from assay.verification.trust_snapshot import TrustSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was proven about an artefact, and what was not.

    Every platform in question that nobody signed, by itself or through an index, has a gap of kind `signature` that
    says why.
    """

    artefact: Artefact
    tree: EvidenceTree

    @property
    def signed(self) -> bool:
        """Whether a trusted signer signed every platform in question; an attestation alone never is a signature."""
        return all(self.is_signed(platform) for platform in self.tree.platforms)

    def is_signed(self, platform: Proven) -> bool:
        """Whether a trusted signer signed this platform, by itself or through an index."""
        return _is_signed(self.tree.about(platform))

    @property
    def parts(self) -> tuple[Proven, ...]:
        """The indexes, then the platforms."""
        return (*self.tree.indexes, *self.tree.platforms)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Everything that was proven."""
        return tuple(claim for part in self.parts for claim in part.claims)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Everything that could not be established."""
        return tuple(gap for part in self.parts for gap in part.gaps)

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """Everything that does not hold."""
        return tuple(rejection for part in self.parts for rejection in part.rejected)


def verify_image(
    registry: Registry,
    reference: Reference,
    trust: TrustSnapshot,
    deadline: Deadline,
    *,
    platform: Platform | None = None,
) -> Verification:
    """Resolve, collect, verify; raises what reading the image itself raises.

    With `platform` only the platforms of an index that it covers are in question.
    """
    resolved = resolve(registry, reference, deadline)
    everybody = dict.fromkeys(GapKind, frozenset(authority.name for authority in trust.authorities))
    tree = grow_tree(
        registry, resolved, trust.groups, everybody, deadline, Limits(), platform=platform, step=lambda _: nullcontext()
    )
    told = tuple(_with_missing_signature(tree, item) for item in tree.platforms)
    return Verification(artefact=resolved.artefact, tree=replace(tree, platforms=told))


def _is_signed(proven: Proven) -> bool:
    return any(isinstance(claim, SignatureClaim) for claim in proven.claims)


def _with_missing_signature(tree: EvidenceTree, platform: Proven) -> Proven:
    about = tree.about(platform)
    if _is_signed(about) or any(gap.kind is GapKind.SIGNATURE for gap in about.gaps):
        return platform
    codes = {rejection.code for rejection in about.rejected}
    unjudged = next((code for code in ("trust_root_unavailable", "key_unavailable") if code in codes), "")
    code = unjudged or ("all_rejected" if about.rejected else "absent")
    missing = Gap(kind=GapKind.SIGNATURE, reason=GAP_CODES[code].reason, code=code, platform=platform.platform)
    return replace(platform, gaps=(*platform.gaps, missing))
