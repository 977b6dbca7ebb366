"""Statements that an index lists beside its platforms, as BuildKit writes them: unsigned by themselves.

Whoever signs the index signs the digests of these statements with it, and is the one who says what they say. Without
such a signature they are nobody's word.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from assay.domain.deadline import Deadline
from assay.domain.descriptor import Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.evidence import AttestationClaim, Gap, GapKind, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.reason import GAP_CODES
from assay.domain.reference import Repository
from assay.domain.statement import IMAGE_SIGNATURE, PAYLOAD_TYPE, Statement
from assay.formats.manifest import ImageIndex, parse_manifest
from assay.formats.statement import parse_statement
from assay.ports import Registry
from assay.usecases.describe import predicate_kind
from assay.usecases.fault import gaps_of, rejection_of
from assay.usecases.index import AttestationEntry, Listing

STATEMENT_KINDS = (GapKind.PROVENANCE, GapKind.SBOM)
_PARALLEL = 4
_PREDICATE_TYPE = "in-toto.io/predicate-type"

Outcome = AttestationClaim | Gap | Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStatements:
    """What came of the statements that speak about one platform, or of entries that speak about none."""

    claims: tuple[AttestationClaim, ...] = ()
    gaps: tuple[Gap, ...] = ()
    rejected: tuple[Rejection, ...] = ()


def read_statements(
    registry: Registry,
    listing: Listing,
    signatures: Iterable[SignatureClaim],
    deadline: Deadline,
    limits: Limits,
    *,
    room: int,
) -> Mapping[Digest, ListedStatements]:
    """Read the statements about the platforms of a listing, and make every signer of their index their claimant.

    By platform digest; under the digest of the artefact stand entries that name no image of their index. A statement
    of an index that nobody of `signatures` signed is not fetched: it is a gap `attestation_unsigned` of its kind. Each
    statement has to name the digest of its platform and to be of the type that its layer says, if it says one. All
    statements together have at most `room` bytes; those that have no room are a gap.
    """
    if not listing.attestations:
        return {}
    signed: dict[Digest, list[SignatureClaim]] = {}
    for claim in signatures:
        signed.setdefault(claim.bound_to, []).append(claim)
    places = {item.content.digest for item in listing.platforms}
    entries = [(entry, entry.reference) for entry in listing.attestations if entry.reference in places]
    reader = _Reader(registry=registry, repository=listing.repository, deadline=deadline, limits=limits)
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        opened = list(pool.map(lambda found: reader.open(*found), entries))
        outcomes, statements = _divide(entries, opened, signed, room)
        read = pool.map(reader.read, statements)
        for statement, found in zip(statements, read, strict=True):
            outcomes[statement.platform] += found
    outcomes[listing.indexes[0].digest] += [_lost(entry) for entry in listing.attestations if entry.reference is None]
    return {digest: _sorted(found) for digest, found in outcomes.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """A statement that is to be read: its layer, the platform it is listed for, and who signed the index."""

    layer: Descriptor
    platform: Digest
    signers: tuple[SignatureClaim, ...]


def _divide(
    entries: Sequence[tuple[AttestationEntry, Digest]],
    opened: Sequence[Sequence[Descriptor | Gap | Rejection]],
    signed: Mapping[Digest, Sequence[SignatureClaim]],
    room: int,
) -> tuple[defaultdict[Digest, list[Outcome]], list[_Statement]]:
    """What came of the layers by platform, and the statements that count if they hold and have room together."""
    outcomes: defaultdict[Digest, list[Outcome]] = defaultdict(list)
    statements: list[_Statement] = []
    for (entry, platform), found in zip(entries, opened, strict=True):
        signers = _signers([claim for index in entry.indexes for claim in signed.get(index, ())])
        for item in found:
            if not isinstance(item, Descriptor):
                outcomes[platform].append(item)
            elif not signers:
                outcomes[platform] += _unsigned(item)
            elif item.size > room:
                over = InvalidInput("evidence_limit", "all evidence has too many bytes", remedy="attest less")
                outcomes[platform] += gaps_of(over, _kinds(item))
            else:
                room -= item.size
                statements.append(_Statement(layer=item, platform=platform, signers=signers))
    return outcomes, statements


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Fetches attestation manifests and statements; total but for errors that concern the whole registry."""

    registry: Registry
    repository: Repository
    deadline: Deadline
    limits: Limits

    def open(self, entry: AttestationEntry, platform: Digest) -> Sequence[Descriptor | Gap | Rejection]:
        """The layers of an attestation manifest that may hold statements."""
        try:
            layers = self._layers(entry.descriptor, platform)
        except Unavailable as error:
            return gaps_of(error, STATEMENT_KINDS)
        except InvalidInput as error:
            return [rejection_of(error, entry.descriptor.digest)]
        return [layer if layer.media_type == PAYLOAD_TYPE else _unsupported(layer) for layer in layers]

    def _layers(self, entry: Descriptor, platform: Digest) -> Sequence[Descriptor]:
        content = self.registry.find_manifest(self.repository, entry.digest.text, self.deadline)
        if content is None or content.descriptor != _plain(entry):
            raise _malformed("the attestation manifest is not there, or not as the index lists it")
        what = f"attestation manifest {entry.digest}"
        manifest = parse_manifest(content.octets, content.media_type, what=what, limits=self.limits)
        if isinstance(manifest, ImageIndex):
            raise _malformed("the attestation manifest is an index")
        if manifest.subject is not None and manifest.subject.digest != platform:
            raise InvalidInput(
                "subject_mismatch",
                f"the attestation manifest's subject is {manifest.subject.digest}, its index lists it for {platform}",
                remedy="build the image again",
            )
        return manifest.layers

    def read(self, statement: _Statement) -> Sequence[Outcome]:
        """The claims of a statement, one for each signer of its index."""
        layer, platform = statement.layer, statement.platform
        try:
            octets = self.registry.fetch_blob(self.repository, layer, self.deadline)
            parsed = _parse(octets, layer, platform, self.limits)
        except Unavailable as error:
            return gaps_of(error, _kinds(layer))
        except InvalidInput as error:
            return [rejection_of(error, layer.digest)]
        return [_claim(layer, parsed, platform, signer) for signer in statement.signers]


def _parse(octets: bytes, layer: Descriptor, platform: Digest, limits: Limits) -> Statement:
    statement = parse_statement(octets, limits=limits)
    if statement.find_subject(platform) is None:
        raise InvalidInput(
            "subject_mismatch", f"no subject of the statement is {platform}", remedy="build the image again"
        )
    # An image signature is made by signing the image, not by saying so in a statement.
    if statement.predicate_type == IMAGE_SIGNATURE or _hint(layer) not in {"", statement.predicate_type}:
        raise InvalidInput(
            "predicate_type_mismatch",
            f"the statement is of type {statement.predicate_type[:200]!r}, its layer says {_hint(layer)[:200]!r}",
            remedy="build the image again",
        )
    return statement


def _claim(layer: Descriptor, statement: Statement, platform: Digest, signer: SignatureClaim) -> AttestationClaim:
    return AttestationClaim(
        item=layer.digest,
        bound_to=platform,
        predicate_type=statement.predicate_type,
        subjects=statement.digests,
        format="buildkit",
        signer=signer.signer,
        authorities=signer.authorities,
        predicate=statement.predicate,
        times=signer.times,
        log_entries=signer.log_entries,
    )


def _signers(claims: Sequence[SignatureClaim]) -> tuple[SignatureClaim, ...]:
    """One signature for each signer, whatever the number of indexes and formats: a statement is one word of each."""
    ordered = sorted(claims, key=lambda claim: (claim.signer.id, claim.item), reverse=True)
    distinct = {(claim.signer.id, claim.authorities): claim for claim in ordered}
    return tuple(distinct[key] for key in sorted(distinct))


def _lost(entry: AttestationEntry) -> Rejection:
    detail = "the index lists it for a manifest that it does not list"
    return Rejection(id=entry.descriptor.digest, code="subject_mismatch", detail=detail)


def _unsupported(layer: Descriptor) -> Rejection:
    detail = f"a statement of type {layer.media_type[:100]} is not read"
    return Rejection(id=layer.digest, code="bundle_unsupported", detail=detail)


def _hint(layer: Descriptor) -> str:
    return dict(layer.annotations).get(_PREDICATE_TYPE, "")


def _kinds(layer: Descriptor) -> tuple[GapKind, ...]:
    """What may be missing without this statement; a layer that says nothing may hold any kind."""
    if not _hint(layer):
        return STATEMENT_KINDS
    kind = predicate_kind(_hint(layer))
    return (kind,) if kind is not None else ()


def _unsigned(layer: Descriptor) -> Sequence[Gap]:
    code = "attestation_unsigned"
    detail = f"{layer.digest} lies in an index that no trusted signer signed"
    return [Gap(kind=kind, reason=GAP_CODES[code].reason, code=code, detail=detail) for kind in _kinds(layer)]


def _plain(entry: Descriptor) -> Descriptor:
    return Descriptor(media_type=entry.media_type, digest=entry.digest, size=entry.size)


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("manifest_malformed", why, remedy="push the whole index")


def _sorted(outcomes: Iterable[Outcome]) -> ListedStatements:
    found = list(outcomes)
    claims = [outcome for outcome in found if isinstance(outcome, AttestationClaim)]
    return ListedStatements(
        claims=tuple(sorted(claims, key=lambda claim: (claim.item, claim.signer.id))),
        gaps=tuple(sorted({outcome for outcome in found if isinstance(outcome, Gap)})),
        rejected=tuple(sorted({outcome for outcome in found if isinstance(outcome, Rejection)})),
    )
