"""What lies beside a manifest: everything that is attached to it, proven or not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.evidence import Claim, EvidenceItem, Rejection
from assay.domain.evidence_tag import EVIDENCE_SUFFIXES, evidence_tag
from assay.domain.reason import REJECTION_CODES
from assay.formats.legacy_evidence import PREDICATE_TYPE
from assay.formats.manifest import ImageIndex, ImageManifest, parse_image_manifest, parse_manifest
from assay.ports import Registry
from assay.usecases.evidence_layer import (
    LEGACY_TAGS,
    EvidenceLayer,
    bundle_layers,
    legacy_layers,
)
from assay.usecases.target import Place

_CLAIMED_TYPES = ("dev.sigstore.bundle.predicateType", PREDICATE_TYPE)
_DEEPEST = 3

Verify = Callable[[EvidenceItem, Content], Claim | Rejection]
"""Says what a piece of evidence about some content proves, or why it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Something attached to a manifest: a referrer, a legacy tag, or a layer under such a tag.

    `type` is the artefact's or the layer's; `says` what kind of statement it calls itself, which nobody vouches for.
    `outcome` is what was proven, or why nothing was; it is None where nothing was verified.
    """

    digest: Digest
    type: str
    size: int
    tag: str = ""
    says: str = ""
    outcome: Claim | Rejection | None = None
    below: tuple["Attachment", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where to look, and who verifies what is found; without `verify` nothing is."""

    registry: Registry
    place: Place
    verify: Verify | None = None


def list_attachments(shelf: Shelf, subject: Content) -> tuple[Attachment, ...]:
    """Everything beside a manifest: its referrers and theirs, then what lies under its legacy tags.

    What cannot be read is listed with a `Rejection` that says why. Raises `Unavailable` when the registry does not
    answer, and `InvalidInput` when it cannot say what is attached.
    """
    return (*_referrers(shelf, subject, _DEEPEST), *_tags(shelf, subject))


def _referrers(shelf: Shelf, subject: Content, deepest: int) -> tuple[Attachment, ...]:
    place = shelf.place
    entries = shelf.registry.list_referrers(place.repository, subject.digest, place.deadline)
    if entries and not deepest:
        raise InvalidInput(
            "evidence_limit",
            f"what speaks about {subject.digest} is deeper than {_DEEPEST} levels",
            remedy="remove evidence that nobody needs",
        )
    listed = {entry.digest: entry for entry in entries}
    return tuple(_referrer(shelf, subject, listed[digest], deepest) for digest in sorted(listed))


def _referrer(shelf: Shelf, subject: Content, entry: Descriptor, deepest: int) -> Attachment:
    try:
        content, parsed = _read_referrer(shelf, entry)
    except InvalidInput as error:
        return Attachment(
            digest=entry.digest, type=entry.artifact_type, size=entry.size, outcome=_rejected(entry.digest, error)
        )
    found = bundle_layers(content, parsed, subject.digest) if isinstance(parsed, ImageManifest) else ()
    return Attachment(
        digest=content.digest,
        type=parsed.artifact_type if isinstance(parsed, ImageIndex) else parsed.effective_artifact_type,
        size=len(content.octets),
        says=_said(parsed.annotations),
        outcome=next((_outcome(shelf, subject, layer) for layer in found), None),
        below=_referrers(shelf, content, deepest - 1),
    )


def _read_referrer(shelf: Shelf, entry: Descriptor) -> tuple[Content, ImageManifest | ImageIndex]:
    place = shelf.place
    content = shelf.registry.find_manifest(place.repository, entry.digest.text, place.deadline)
    if content is None:
        raise InvalidInput("manifest_malformed", "it is listed but does not exist", remedy="push it again")
    what = f"manifest {content.digest}"
    return content, parse_manifest(content.octets, content.media_type, what=what, limits=place.limits)


def _tags(shelf: Shelf, subject: Content) -> tuple[Attachment, ...]:
    names = {evidence_tag(subject.digest, suffix): suffix for suffix in EVIDENCE_SUFFIXES}
    found = (_tag(shelf, subject, name, suffix) for name, suffix in names.items())
    return tuple(entry for entry in found if entry is not None)


def _tag(shelf: Shelf, subject: Content, name: str, suffix: str) -> Attachment | None:
    place = shelf.place
    try:
        content = shelf.registry.find_manifest(place.repository, name, place.deadline)
        if content is None:
            return None
        parsed = parse_image_manifest(content, what=f"{place.repository}:{name}", limits=place.limits)
    except InvalidInput as error:
        rejected = _rejected(subject.digest, error)
        return Attachment(digest=subject.digest, type="", size=0, tag=name, outcome=rejected)
    outcomes = _legacy_outcomes(shelf, subject, content, parsed, suffix)
    return Attachment(
        digest=content.digest,
        type=parsed.media_type,
        size=len(content.octets),
        tag=name,
        below=tuple(
            Attachment(
                digest=layer.digest,
                type=layer.media_type,
                size=layer.size,
                says=_said(layer.annotations),
                outcome=outcome,
            )
            for layer, outcome in zip(parsed.layers, outcomes, strict=True)
        ),
    )


def _legacy_outcomes(
    shelf: Shelf, subject: Content, content: Content, parsed: ImageManifest, suffix: str
) -> Sequence[Claim | Rejection | None]:
    tag = next((tag for tag in LEGACY_TAGS if tag.suffix == suffix), None)
    if tag is None:
        return [Rejection(id=layer.digest, code="unsigned", detail="nobody signed it") for layer in parsed.layers]
    return [_outcome(shelf, subject, layer) for layer in legacy_layers(content, parsed, tag, subject.digest)]


def _outcome(shelf: Shelf, subject: Content, found: EvidenceLayer | Rejection) -> Claim | Rejection | None:
    if isinstance(found, Rejection):
        return found
    if shelf.verify is None:
        return None
    place = shelf.place
    blob = Descriptor(media_type="application/octet-stream", digest=found.digest, size=found.size)
    try:
        octets = shelf.registry.fetch_blob(place.repository, blob, place.deadline)
    except InvalidInput as error:
        return _rejected(found.digest, error)
    return shelf.verify(found.item(octets), subject)


def _rejected(digest: Digest, error: InvalidInput) -> Rejection:
    code = error.code if error.code in REJECTION_CODES else "manifest_malformed"
    return Rejection(id=digest, code=code, detail=error.message)


def _said(annotations: Sequence[tuple[str, str]]) -> str:
    return next((value for name, value in annotations if name in _CLAIMED_TYPES), "")
