"""What is written under `.sig` and `.att` tags is what the reader of legacy evidence reads."""

import json

import pytest

from assay.domain.descriptor import DOCKER_MANIFEST, OCI_MANIFEST
from assay.domain.evidence import EvidenceItem, EvidenceShape
from assay.domain.limit import Limits
from assay.formats.dsse import Envelope
from assay.formats.legacy_evidence import (
    BUNDLE,
    CERTIFICATE,
    CHAIN,
    SIGNATURE,
    TIMESTAMP,
    parse_legacy_attestation,
    parse_legacy_signature,
)
from assay.formats.legacy_layer import (
    LegacyLayer,
    make_attestation_layer,
    make_signature_layer,
    render_legacy_config,
    render_legacy_manifest,
)
from assay.formats.manifest import ImageManifest, parse_image_config, parse_manifest
from assay.formats.untrusted_evidence import SignedPayload
from tests.fakes.sigstore import FakeSigstore, Recipe

WORLD = FakeSigstore()
PAYLOAD = b"payload"


def bundle(recipe: Recipe) -> bytes:
    return WORLD.mint(recipe).content


def item(layer: LegacyLayer, shape: EvidenceShape) -> EvidenceItem:
    notes = dict(layer.annotations)
    return EvidenceItem(
        shape=shape,
        content=layer.content,
        signature=notes[SIGNATURE],
        certificate=notes.get(CERTIFICATE, ""),
        chain=notes.get(CHAIN, ""),
        bundle=notes.get(BUNDLE, ""),
        rfc3161timestamp=notes.get(TIMESTAMP, ""),
    )


@pytest.mark.parametrize("shape", ["0.2", "0.3"])
def test_a_signature_keeps_certificate_promise_and_timestamp(shape: str) -> None:
    recipe = Recipe(shape=shape, content="message", body="hashedrekord 0.0.1", stamped=True)
    layer = make_signature_layer(PAYLOAD, bundle(recipe), limits=Limits())
    evidence = parse_legacy_signature(item(layer, EvidenceShape.LEGACY_SIGNATURE), limits=Limits())
    assert isinstance(evidence.content, SignedPayload)
    assert evidence.content.untrusted_payload == PAYLOAD
    assert len(evidence.certificates) == (2 if shape == "0.2" else 1)
    assert (len(evidence.log_entries), len(evidence.timestamps)) == (1, 1)


def test_a_keys_signature_has_nothing_but_itself() -> None:
    recipe = Recipe(content="message", keyless=False, body="", stamped=False)
    layer = make_signature_layer(PAYLOAD, bundle(recipe), limits=Limits())
    assert [name for name, _ in layer.annotations] == [SIGNATURE]
    assert layer.descriptor.annotations == layer.annotations


def test_an_attestation_keeps_certificate_and_promise() -> None:
    minted = bundle(Recipe(stamped=True))
    layer = make_attestation_layer(minted, "https://t", limits=Limits())
    evidence = parse_legacy_attestation(item(layer, EvidenceShape.LEGACY_ATTESTATION), limits=Limits())
    assert isinstance(evidence.content, Envelope)
    assert layer.content in minted
    assert (len(evidence.certificates), len(evidence.log_entries), evidence.timestamps) == (1, 1, ())
    assert dict(layer.annotations)["predicateType"] == "https://t"


def test_an_entry_without_a_promise_has_no_place() -> None:
    recipe = Recipe(content="message", body="hashedrekord 0.0.2", stamped=True, promise=False)
    layer = make_signature_layer(PAYLOAD, bundle(recipe), limits=Limits())
    assert BUNDLE not in dict(layer.annotations)
    assert TIMESTAMP in dict(layer.annotations)


def test_signature_and_attestation_are_not_taken_for_each_other() -> None:
    with pytest.raises(TypeError):
        make_signature_layer(PAYLOAD, bundle(Recipe()), limits=Limits())
    with pytest.raises(TypeError):
        make_attestation_layer(bundle(Recipe(content="message")), "https://t", limits=Limits())


@pytest.mark.parametrize(("media_type", "notes"), [(OCI_MANIFEST, ()), (DOCKER_MANIFEST, (("a", "b"),))])
def test_the_manifest_names_its_layers_with_their_annotations(
    media_type: str, notes: tuple[tuple[str, str], ...]
) -> None:
    layers = [make_signature_layer(PAYLOAD, bundle(Recipe(content="message")), limits=Limits()).descriptor]
    octets = render_legacy_manifest(layers, media_type=media_type, annotations=notes)
    manifest = parse_manifest(octets, media_type, what="it", limits=Limits())
    assert isinstance(manifest, ImageManifest)
    assert (list(manifest.layers), manifest.annotations) == (layers, notes)
    config = render_legacy_config(layers)
    assert manifest.config.size == len(config)
    assert parse_image_config(config, what="it", limits=Limits()).diff_ids == (layers[0].digest,)
    assert len(json.loads(config)["history"]) == 1


def test_a_layer_without_annotations_stays_one() -> None:
    layer = LegacyLayer(media_type="a/b", content=b"x", annotations=()).descriptor
    assert "annotations" not in json.loads(render_legacy_manifest([layer]))["layers"][0]
