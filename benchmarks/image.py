"""A small image with a signature, provenance and an SBOM of 50 packages, pushed to a registry."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from assay.adapters.registry.client import RegistryClient
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest
from assay.domain.reference import Repository
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.referrer import EMPTY_BLOB, render_referrer
from assay.ports import Clock, Signer
from assay.usecases.sign import attest, sign_image

PACKAGES = 50
_SECONDS = 30.0


def push_image(
    registry: RegistryClient,
    repository: Repository,
    signer: Signer,
    clock: Clock,
    *,
    tag: str,
    attested: bool = True,
) -> Digest:
    """Push image and evidence that the example rule data allows; returns the image's digest.

    Without `attested` it has a signature alone, which is one bundle and not enough for an allow.
    """
    deadline = Deadline.after(_SECONDS, clock.monotonic)

    def put(content: bytes, media_type: str) -> dict[str, object]:
        pushed = registry.push_blob(repository, content, deadline)
        return {"mediaType": media_type, "digest": pushed.digest.text, "size": pushed.size}

    layer = put(f"layer of {tag}".encode(), OCI_LAYER_GZIP)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"User": "65532"},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": put(json.dumps(config).encode(), OCI_CONFIG),
        "layers": [layer],
    }
    image = registry.push_manifest(repository, json.dumps(manifest).encode(), OCI_MANIFEST, deadline, tag=tag)
    _attach(registry, repository, image, IMAGE_SIGNATURE, sign_image(signer, image.digest), deadline)
    for predicate_type, predicate in _predicates().items() if attested else ():
        bundle = attest(
            signer,
            name=repository.name,
            digest=image.digest,
            predicate_type=predicate_type,
            predicate=predicate,
        )
        _attach(registry, repository, image, predicate_type, bundle, deadline)
    return image.digest


def _attach(
    registry: RegistryClient,
    repository: Repository,
    image: Descriptor,
    predicate_type: str,
    bundle: bytes,
    deadline: Deadline,
) -> None:
    for blob in (EMPTY_BLOB, bundle):
        registry.push_blob(repository, blob, deadline)
    referrer = render_referrer(subject=image, bundle=bundle, predicate_type=predicate_type, created=datetime.now(UTC))
    registry.push_manifest(repository, referrer, OCI_MANIFEST, deadline)


def _predicates() -> Mapping[str, Mapping[str, object]]:
    packages = [
        {
            "SPDXID": f"SPDXRef-{number}",
            "name": f"package-{number}",
            "versionInfo": "1.0.0",
            "downloadLocation": "NOASSERTION",
            "licenseConcluded": "Apache-2.0 OR MIT",
            "licenseDeclared": "Apache-2.0 OR MIT",
        }
        for number in range(PACKAGES)
    ]
    source = {"name": "source", "uri": "pkg:golang/filippo.io/age@v1.3.2", "digest": {"sha256": "0" * 64}}
    return {
        "https://spdx.dev/Document": {
            "spdxVersion": "SPDX-2.3",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": "benchmark",
            "dataLicense": "CC0-1.0",
            "documentNamespace": "https://assay.dev/benchmark",
            "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: benchmark"]},
            "packages": packages,
        },
        "https://slsa.dev/provenance/v1": {
            "buildDefinition": {
                "buildType": "https://assay.dev/buildtypes/go-image/v1",
                "externalParameters": {},
                "resolvedDependencies": [source],
            },
            "runDetails": {"builder": {"id": "https://assay.dev/builders/local/v1"}},
        },
    }
