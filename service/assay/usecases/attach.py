"""Attach: signed evidence beside what it speaks about, without taking anybody else's away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from assay.domain.descriptor import OCI_MANIFEST, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.evidence import Claim, EvidenceItem, EvidenceShape
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.legacy_evidence import read_annotations
from assay.formats.legacy_layer import (
    LegacyLayer,
    make_attestation_layer,
    make_signature_layer,
    render_legacy_config,
    render_legacy_manifest,
)
from assay.formats.manifest import ImageManifest, parse_image_manifest
from assay.formats.predicate import Predicate, detect_sbom_type
from assay.formats.referrer import EMPTY_BLOB, render_document_referrer, render_referrer
from assay.formats.simple_signing import render_simple_signing
from assay.ports import EvidenceSigner, RegistryWriter, WritableRegistry
from assay.usecases.evidence_layer import ATTESTATION_TAG, SIGNATURE_TAG, LegacyTag
from assay.usecases.sign import refuse_repeated, require_verified, state_attestation, state_signature
from assay.usecases.target import Place


class Form(StrEnum):
    """How evidence is stored: a bundle as a referrer, or a layer under a `.sig` or `.att` tag."""

    REFERRER = "referrer"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """Evidence that is stored and verified: what it proves, and the digest (and legacy tag) of the manifest with it."""

    subject: Digest
    claim: Claim
    manifest: Digest
    tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where evidence is written, who signs it, and when."""

    registry: WritableRegistry
    place: Place
    signer: EvidenceSigner
    created: datetime
    form: Form


def sign_targets(
    desk: Desk, targets: Sequence[Content], *, annotations: Sequence[tuple[str, str]]
) -> tuple[Attached, ...]:
    """Sign each target and attach the signature, in the order of `targets`.

    Guaranteed: nothing is written that Assay's own verifier does not accept, and what was written has been read back.
    Raises `InvalidInput(annotation_repeated | evidence_unverified)` and what signing and the registry raise.
    """
    refuse_repeated(annotations)
    name = desk.place.repository.name

    def sign(target: Content) -> Attached:
        if desk.form is Form.LEGACY:
            payload = render_simple_signing(name, target.digest, annotations)
            bundle = desk.signer.sign_message(payload)
            layer = make_signature_layer(payload, bundle, limits=desk.place.limits)
            return _append(desk, target, layer, SIGNATURE_TAG)
        statement = state_signature(target.digest, annotations=annotations, name=name)
        return _refer(desk, target, desk.signer.sign_statement(statement), IMAGE_SIGNATURE)

    return tuple(sign(target) for target in targets)


def attest_targets(desk: Desk, targets: Sequence[Content], predicate: Predicate) -> tuple[Attached, ...]:
    """Attest a predicate about each target and attach it, with the guarantees and errors of `sign_targets`."""

    def attest(target: Content) -> Attached:
        statement = state_attestation(
            name=desk.place.repository.name,
            digest=target.digest,
            predicate_type=predicate.type,
            predicate=predicate.body,
        )
        bundle = desk.signer.sign_statement(statement)
        if desk.form is Form.LEGACY:
            layer = make_attestation_layer(bundle, predicate.type, limits=desk.place.limits)
            return _append(desk, target, layer, ATTESTATION_TAG)
        return _refer(desk, target, bundle, predicate.type)

    return tuple(attest(target) for target in targets)


def attach_document(
    registry: WritableRegistry, place: Place, target: Content, document: bytes, created: datetime
) -> Descriptor:
    """Attach an SBOM as it is: a referrer that nobody signed, and no evidence.

    Raises `InvalidInput(sbom_unsupported)` for what calls itself neither SPDX nor CycloneDX.
    """
    kind = detect_sbom_type(document, limits=place.limits)
    referrer = render_document_referrer(subject=target.descriptor, document=document, media_type=kind, created=created)
    return replace(_push(registry, place, target, referrer, document), artifact_type=kind)


def _refer(desk: Desk, target: Content, bundle: bytes, predicate_type: str) -> Attached:
    claim = _prove(desk, target, EvidenceItem(shape=EvidenceShape.BUNDLE, content=bundle))
    referrer = render_referrer(
        subject=target.descriptor, bundle=bundle, predicate_type=predicate_type, created=desk.created
    )
    pushed = _push(desk.registry, desk.place, target, referrer, bundle)
    return Attached(subject=target.digest, claim=claim, manifest=pushed.digest)


def _push(registry: WritableRegistry, place: Place, target: Content, referrer: bytes, content: bytes) -> Descriptor:
    """Push a referrer with its one blob, and see that both are there."""
    repository, deadline = place.repository, place.deadline
    for octets in (EMPTY_BLOB, content):
        registry.push_blob(repository, octets, deadline)
    pushed = registry.push_manifest(repository, referrer, OCI_MANIFEST, deadline)
    listed = registry.list_referrers(repository, target.digest, deadline)
    if pushed.digest not in {entry.digest for entry in listed}:
        raise _lost(f"{repository} does not list {pushed.digest} among the referrers of {target.digest}")
    blob = Descriptor(media_type="application/octet-stream", digest=Digest.of(content), size=len(content))
    registry.fetch_blob(repository, blob, deadline)
    return pushed


def _append(desk: Desk, target: Content, layer: LegacyLayer, tag: LegacyTag) -> Attached:
    """Append a layer to those under a tag, and see that its content is there."""
    claim = _prove(desk, target, _item(layer, tag))
    registry, repository, deadline = desk.registry, desk.place.repository, desk.place.deadline
    name = tag.name(target.digest)
    registry.push_blob(repository, layer.content, deadline)
    found = append_legacy_layers(registry, desk.place, name, [layer.descriptor])
    registry.fetch_blob(repository, layer.descriptor, deadline)
    return Attached(subject=target.digest, claim=claim, manifest=found.digest, tag=name)


def append_legacy_layers(registry: RegistryWriter, place: Place, tag: str, layers: Sequence[Descriptor]) -> Content:
    """See that these layers are under a tag: the manifest that has them all.

    Everything that the tag has keeps its place, whoever else writes to it at the same time. Raises
    `InvalidInput(index_unsupported | manifest_malformed)` for a tag that holds something else than an image manifest.
    """

    def amend(found: Content | None) -> Content | None:
        manifest = None if found is None else _parse(found, place, tag)
        held = manifest.layers if manifest is not None else ()
        missing = [layer for layer in layers if layer not in held]
        if found is not None and not missing:
            return None
        together = [*held, *missing]
        registry.push_blob(place.repository, render_legacy_config(together), place.deadline)
        written = render_legacy_manifest(together, annotations=manifest.annotations if manifest is not None else ())
        return Content(media_type=OCI_MANIFEST, octets=written, digest=Digest.of(written))

    return registry.amend_tag(place.repository, tag, amend, place.deadline)


def _parse(found: Content, place: Place, tag: str) -> ImageManifest:
    return parse_image_manifest(found, what=f"{place.repository}:{tag}", limits=place.limits)


def _item(layer: LegacyLayer, tag: LegacyTag) -> EvidenceItem:
    """The layer as whoever collects evidence will see it."""
    return EvidenceItem(shape=tag.shape, content=layer.content, **read_annotations(layer.annotations))


def _prove(desk: Desk, target: Content, item: EvidenceItem) -> Claim:
    return require_verified(desk.signer, item, target.digest, desk.place.limits)


def _lost(what: str) -> Unavailable:
    return Unavailable("registry_unavailable", what, remedy="repeat when nobody else writes to this image")
