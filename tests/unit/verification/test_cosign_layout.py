"""Evidence that real cosign wrote: the key-signed layouts pass, everything else is a typed rejection."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.evidence import AttestationClaim, Claim, EvidenceItem, EvidenceShape, Rejection, SignatureClaim
from assay.domain.identity import Authority
from assay.domain.limit import Limits
from assay.formats.public_key import parse_public_key
from assay.verification.item import verify_item

LAYOUTS = Path(__file__).parents[2] / "assets" / "cosign-v3-layouts"
PROVENANCE = "https://slsa.dev/provenance/v1"
SPDX = "https://spdx.dev/Document"


def _items(layout: Path) -> Iterator[EvidenceItem]:
    index = json.loads((layout / "index.json").read_bytes())
    for entry in index["manifests"]:
        name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name", "")
        if name == "v1":
            continue
        for layer in json.loads(_blob(layout, entry["digest"]))["layers"]:
            yield _item(layout, layer, name)


def _item(layout: Path, layer: dict[str, Any], tag: str) -> EvidenceItem:
    shape = {"sig": EvidenceShape.LEGACY_SIGNATURE, "att": EvidenceShape.LEGACY_ATTESTATION}.get(tag[-3:])
    annotations = layer.get("annotations", {})
    return EvidenceItem(
        shape=shape or EvidenceShape.BUNDLE,
        content=_blob(layout, layer["digest"]),
        signature=annotations.get("dev.cosignproject.cosign/signature", ""),
        certificate=any(annotations.get(f"dev.sigstore.cosign/{name}") for name in ("certificate", "bundle")),
    )


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / "sha256" / Digest(digest).hex).read_bytes()


def outcomes(case: str, *keys: str) -> list[Claim | Rejection]:
    layout = LAYOUTS / case
    image = Digest(json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"])
    authorities = [
        Authority(name=key, keys=(parse_public_key((LAYOUTS / "keys" / f"{key}.pub").read_bytes()),)) for key in keys
    ]
    return [verify_item(item, subject=image, authorities=authorities, limits=Limits()) for item in _items(layout)]


def signatures(case: str, *keys: str) -> list[SignatureClaim]:
    return [outcome for outcome in outcomes(case, *keys) if isinstance(outcome, SignatureClaim)]


def predicate_types(case: str, *keys: str) -> list[str]:
    return sorted(item.predicate_type for item in outcomes(case, *keys) if isinstance(item, AttestationClaim))


@pytest.mark.parametrize(
    ("case", "key"),
    [
        ("key-bundle", "a"),
        ("key-legacy", "a"),
        ("key-p384", "p384"),
        ("key-rekor1", "a"),
        ("key-rekor2-tsa", "a"),
        ("key-tsa", "a"),
        ("hand-minimal", "hand"),
    ],
)
def test_an_image_signature_passes_with_its_key_and_no_other(case: str, key: str) -> None:
    assert [claim.authorities for claim in signatures(case, key)] == [(key,)]
    assert {item.code for item in outcomes(case, "b") if isinstance(item, Rejection)} == {"signature_invalid"}
    assert not signatures(case, "b")


@pytest.mark.parametrize("case", ["key-three", "key-legacy-three"])
def test_three_signatures_are_told_apart_by_their_keys(case: str) -> None:
    assert sorted(claim.authorities for claim in signatures(case, "a", "b", "c")) == [("a",), ("b",), ("c",)]
    assert [claim.authorities for claim in signatures(case, "b", "p384")] == [("b",)]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("key-bundle", ()),
        ("key-bundle-annotations", (("env", "prod"), ("team", "shop"))),
        ("key-legacy", (("env", "prod"),)),
    ],
)
def test_the_signed_annotations_are_reported(case: str, expected: tuple[tuple[str, str], ...]) -> None:
    assert [claim.annotations for claim in signatures(case, "a")] == [expected]


@pytest.mark.parametrize(
    ("case", "key", "expected"),
    [
        ("key-attest-slsa", "a", [PROVENANCE]),
        ("key-legacy", "a", [PROVENANCE, SPDX]),
        ("key-rekor2-tsa", "a", [PROVENANCE]),
        ("hand-minimal", "hand", [PROVENANCE]),
        ("key-bundle", "a", []),
    ],
)
def test_attestations_pass_with_their_predicate_types(case: str, key: str, expected: list[str]) -> None:
    assert predicate_types(case, key) == expected


def test_an_attestation_is_no_image_signature() -> None:
    assert signatures("key-attest-slsa", "a") == []


@pytest.mark.parametrize("case", ["keyless-rekor2-tsa-sign", "keyless-legacy-rekor1", "keyless-legacy-tsa"])
def test_keyless_evidence_is_unsupported_and_never_silent(case: str) -> None:
    found = outcomes(case, "a")
    assert found
    assert {item.code for item in found if isinstance(item, Rejection)} == {"bundle_unsupported"}
    assert all(isinstance(item, Rejection) for item in found)
