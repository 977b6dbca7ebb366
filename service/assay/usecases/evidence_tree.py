"""What is proven about an artefact: about each index and each platform in question, and what follows for a platform."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import Claim, EvidenceItem, Gap, Rejection, SignatureClaim
from assay.domain.evidence_format import EVERY_FORMAT, EvidenceFormat
from assay.domain.limit import Limits
from assay.domain.platform import Platform
from assay.formats.manifest import ImageConfig
from assay.ports import Registry
from assay.usecases.collect import Collected, Refuse, collect
from assay.usecases.index import Listing, list_manifests
from assay.usecases.listed_statement import ListedStatements, read_statements
from assay.usecases.resolve import Resolved
from assay.usecases.standing import Named, hear
from assay.verification.authority_group import AuthorityGroup
from assay.verification.item import verify_item_for
from assay.verification.message import Message

_COLLECT_SHARE = 0.8

Step = Callable[[str], AbstractContextManager[None]]
"""Measures one of the five steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What was proven about one manifest or index, and what was not.

    `platform` names what an index says the manifest runs on; it is empty for an index and for an image that stands
    alone. `indexes` are the digests of the indexes through which it was found. Claims are bound to this digest.
    """

    subject: Content
    platform: str
    indexes: tuple[Digest, ...]
    config: ImageConfig | None
    claims: tuple[Claim, ...]
    gaps: tuple[Gap, ...]
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceTree:
    """The indexes of an artefact (none for an image) and its platforms in question, each with what was proven."""

    indexes: tuple[Proven, ...]
    platforms: tuple[Proven, ...]

    def about(self, platform: Proven) -> Proven:
        """Everything that speaks about a platform: what is bound to it, and what is bound to its indexes.

        Who signed an index signed every digest in it. Nothing that is bound to another platform is here.
        """
        above = [index for index in self.indexes if index.subject.digest in platform.indexes]
        return Proven(
            subject=platform.subject,
            platform=platform.platform,
            indexes=platform.indexes,
            config=platform.config,
            claims=(*platform.claims, *(claim for index in above for claim in index.claims)),
            gaps=(*platform.gaps, *(gap for index in above for gap in index.gaps)),
            rejected=(*platform.rejected, *(item for index in above for item in index.rejected)),
        )


def grow_tree(
    registry: Registry,
    resolved: Resolved,
    groups: Sequence[AuthorityGroup],
    named: Named,
    deadline: Deadline,
    limits: Limits,
    *,
    platform: Platform | None = None,
    step: Step,
    formats: frozenset[EvidenceFormat] = EVERY_FORMAT,
    with_config: bool = True,
) -> EvidenceTree:
    """List what the artefact consists of, collect the evidence beside all of it, and verify it.

    `named` are the authorities whose evidence counts: where room is scarce, that of others is let go. With `platform`
    only the platforms that it covers are in question. Evidence is looked for in `formats` and nowhere else;
    images are judged without their configuration where it is not wanted. Raises what
    `list_manifests` and `collect` raise, and `InvalidInput(platform_unknown)` for an image of another platform.
    """
    within = deadline.part(_COLLECT_SHARE)
    with step("collect"):
        listing = list_manifests(registry, resolved, within, limits, platform=platform)
        refuse = _refusal(groups, named, limits)
        collected = collect(registry, listing, within, limits, refuse=refuse, formats=formats, with_config=with_config)
        if platform is not None and not listing.indexes:
            _require_platform(collected[0].config, platform, resolved)
    with step("verify"):
        verified = [_verify(entry, groups, limits) for entry in collected]
    signatures = [claim for claims, _ in verified for claim in claims if isinstance(claim, SignatureClaim)]
    room = limits.evidence_octets - sum(len(item.content) for entry in collected for item in entry.items)
    statements: Mapping[Digest, ListedStatements] = {}
    if EvidenceFormat.LISTED_STATEMENTS in formats:
        statements = read_statements(registry, listing, signatures, within, limits, room=room)
    return _tree(listing, collected, verified, statements)


def _refusal(groups: Sequence[AuthorityGroup], named: Named, limits: Limits) -> Refuse:
    """What `collect` refuses where room is scarce: evidence that does not hold, or that nobody named has signed."""

    def refuse(item: EvidenceItem, subject: Content) -> Rejection | None:
        outcome = verify_item_for(groups, item, artefact=_message(subject), limits=limits)
        return outcome if isinstance(outcome, Rejection) else next(iter(hear([outcome], named).rejected), None)

    return refuse


def _verify(
    collected: Collected, groups: Sequence[AuthorityGroup], limits: Limits
) -> tuple[tuple[Claim, ...], tuple[Rejection, ...]]:
    artefact = _message(collected.subject)
    outcomes = [verify_item_for(groups, item, artefact=artefact, limits=limits) for item in collected.items]
    claims = tuple(outcome for outcome in outcomes if not isinstance(outcome, Rejection))
    return claims, tuple(sorted(outcome for outcome in outcomes if isinstance(outcome, Rejection)))


def _message(subject: Content) -> Message:
    return Message.of_content(subject.octets, subject.digest)


def _require_platform(config: ImageConfig | None, platform: Platform, resolved: Resolved) -> None:
    found = config.platform if config is not None else ""
    if found != str(platform) and (platform.variant or not found.startswith(f"{platform}/")):
        raise InvalidInput(
            "platform_unknown",
            f"{resolved.artefact.reference} is an image for {found or 'an unknown platform'}, not for {platform}",
            remedy="name its platform, or none",
        )


def _tree(
    listing: Listing,
    collected: Sequence[Collected],
    verified: Sequence[tuple[tuple[Claim, ...], tuple[Rejection, ...]]],
    statements: Mapping[Digest, ListedStatements],
) -> EvidenceTree:
    places = {item.content.digest: item for item in listing.platforms}
    proven: list[Proven] = []
    for entry, (claims, rejected) in zip(collected, verified, strict=True):
        place = places.get(entry.subject.digest)
        listed = statements.get(entry.subject.digest, ListedStatements())
        proven.append(
            Proven(
                subject=entry.subject,
                platform=place.platform if place else "",
                indexes=place.indexes if place else (),
                config=entry.config,
                claims=(*claims, *listed.claims),
                gaps=(*entry.gaps, *listed.gaps),
                rejected=tuple(sorted({*entry.rejected, *rejected, *listed.rejected})),
            )
        )
    return EvidenceTree(indexes=tuple(proven[: len(listing.indexes)]), platforms=tuple(proven[len(listing.indexes) :]))
