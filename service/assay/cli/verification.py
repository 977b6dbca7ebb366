"""The verification of an artefact, as a tree for people and as JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence

from assay.cli.claim import claim_branch, gap_branch, rejection_branch
from assay.cli.tree import Branch
from assay.domain.identity import Authority
from assay.domain.reason import REMEDIES
from assay.formats.claim import render_claim
from assay.formats.finding import render_gap, render_rejection
from assay.usecases.evidence_tree import Proven
from assay.usecases.verify_image import Verification
from assay.verification.trust_snapshot import TrustSnapshot


def verification_tree(verification: Verification, trust: TrustSnapshot, *, conditions: Sequence[str]) -> Branch:
    """The tree: each index and platform with its claims, rejections and gaps; then who was trusted, and how."""
    verdict = "VERIFIED" if verification.signed else "NOT VERIFIED"
    trusted = (*(Branch(text=_told(authority, trust)) for authority in trust.authorities),)
    return Branch(
        text=f"{verdict}  {verification.artefact.reference}",
        below=(
            *(_index(part) for part in verification.tree.indexes),
            *(_platform(verification, part) for part in verification.tree.platforms),
            Branch(text="trusted", below=(*trusted, *(Branch(text=text) for text in conditions))),
        ),
    )


def _told(authority: Authority, trust: TrustSnapshot) -> str:
    if not authority.root:
        return f"{authority.name}: keys alone, whatever their log entries and timestamps say{_without(authority)}"
    if authority.root in trust.unavailable:
        return f"{authority.name}: nobody now: {trust.unavailable[authority.root]}"
    root = f"the trust root {authority.root} {trust.roots[authority.root].digest}"
    return f"{authority.name}: by {root}{_without(authority)}"


def _without(authority: Authority) -> str:
    return "".join(f"; without the key {key.name}: {key.why}" for key in authority.missing_keys)


def _index(part: Proven) -> Branch:
    return Branch(text=f"index {part.subject.digest}", below=_facts(part, is_index=True))


def _platform(verification: Verification, part: Proven) -> Branch:
    if not part.indexes:
        config = part.config.platform if part.config is not None else ""
        return Branch(
            text=f"image {part.subject.digest}{f' ({config})' if config else ''}", below=_facts(part, is_index=False)
        )
    signed = "signed" if verification.is_signed(part) else "NOT SIGNED"
    return Branch(text=f"platform {part.platform}, {signed}: {part.subject.digest}", below=_facts(part, is_index=False))


def _facts(part: Proven, *, is_index: bool) -> tuple[Branch, ...]:
    return (
        *(claim_branch(claim, in_index=is_index) for claim in part.claims),
        *(rejection_branch(rejection) for rejection in part.rejected),
        *(gap_branch(gap) for gap in part.gaps),
    )


def render_verification(
    verification: Verification, trust: TrustSnapshot, *, conditions: Sequence[str]
) -> dict[str, object]:
    """The JSON object: what the tree says, in flat lists whose entries name the digest they belong to."""
    tree = verification.tree
    return {
        "image": str(verification.artefact.reference),
        "digest": verification.artefact.digest.text,
        "verified": verification.signed,
        "conditions": list(conditions),
        "manifests": [
            *({"type": "index", "digest": part.subject.digest.text} for part in tree.indexes),
            *(_render_platform(verification, part) for part in tree.platforms),
        ],
        "claims": [render_claim(claim) for claim in verification.claims],
        "rejected": list(_render_rejected(tree.indexes)) + list(_render_rejected(tree.platforms)),
        "gaps": list(_render_gaps(tree.indexes)) + list(_render_gaps(tree.platforms)),
        "trusted": [_render_authority(authority, trust) for authority in trust.authorities],
    }


def _render_platform(verification: Verification, part: Proven) -> Mapping[str, object]:
    return {
        "type": "image",
        "digest": part.subject.digest.text,
        "platform": part.platform,
        "indexes": [index.text for index in part.indexes],
        "signed": verification.is_signed(part),
    }


def _render_rejected(parts: Sequence[Proven]) -> Iterator[Mapping[str, object]]:
    for part in parts:
        for rejection in part.rejected:
            where = {"beside": part.subject.digest.text, "remedy": REMEDIES[rejection.code]}
            yield {**render_rejection(rejection), **where}


def _render_gaps(parts: Sequence[Proven]) -> Iterator[Mapping[str, object]]:
    for part in parts:
        for gap in part.gaps:
            yield {**render_gap(gap), "beside": part.subject.digest.text, "remedy": REMEDIES[gap.code]}


def _render_authority(authority: Authority, trust: TrustSnapshot) -> Mapping[str, object]:
    root = trust.roots.get(authority.root)
    return {
        "authority": authority.name,
        "trust_root": authority.root,
        "digest": root.digest.text if root is not None else "",
        "unavailable": trust.unavailable.get(authority.root, ""),
        "missing_keys": [{"name": key.name, "reason": key.why} for key in authority.missing_keys],
    }
