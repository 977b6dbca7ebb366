"""Stage 4, attest: SBOMs and provenance about the image, signed."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assay.domain.digest import Digest
from assay.domain.evidence import EvidenceItem, EvidenceShape
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.referrer import EMPTY_BLOB, render_referrer
from assay.ports import EvidenceSigner
from assay.usecases.sign import require_verified, state_attestation, state_signature
from assay_builder.describe import cyclonedx, provenance, spdx
from assay_builder.describe.graph import Graph, make_graph
from assay_builder.describe.provenance import BuildRun
from assay_builder.image.image import render_canonical
from assay_builder.parts import Progress
from assay_builder.stages.isolate import Isolated


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderIdentity:
    """Who builds: `id` is a URI that policies match, `version` the version of Assay, `zlib` that of its compressor."""

    id: str
    version: str
    zlib: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBundle:
    """A signed statement about the image, and the manifest that attaches it to the image."""

    predicate_type: str
    bundle: bytes = field(repr=False)
    referrer: bytes = field(repr=False)

    @property
    def blobs(self) -> tuple[bytes, bytes]:
        """The blobs that the referrer names."""
        return (EMPTY_BLOB, self.bundle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """An image with its signature and its attestations; `documents` are their predicates by file name."""

    isolated: Isolated
    graph: Graph
    documents: tuple[tuple[str, bytes], ...] = field(repr=False)
    bundles: tuple[SignedBundle, ...]


def run(
    isolated: Isolated, *, signer: EvidenceSigner, identity: BuilderIdentity, finished: datetime, progress: Progress
) -> Attested:
    """Describe the image and sign what is said about it.

    Raises what the signer raises, and `InvalidInput(evidence_unverified)` for what would not be accepted.
    """
    plan, image = isolated.ingested.plan, isolated.image
    graph = make_graph(plan, image.digest, isolated.packages, isolated.licences)
    tool = f"assay-{identity.version}"
    sboms = {
        "sbom.spdx.json": (spdx.PREDICATE_TYPE, spdx.render_spdx(graph, tool=tool)),
        "sbom.cdx.json": (cyclonedx.PREDICATE_TYPE, cyclonedx.render_cyclonedx(graph, tool=tool)),
    }
    written = {name: render_canonical(predicate) for name, (_, predicate) in sboms.items()}
    byproducts = written | {"build.log": isolated.log, "packages.txt": isolated.listing}
    predicate = provenance.render_provenance(plan, _run(isolated, identity, finished, byproducts))
    predicates = {**sboms, "provenance.json": (provenance.PREDICATE_TYPE, predicate)}
    bundles = [
        _attach(isolated, signer, IMAGE_SIGNATURE, state_signature(image.digest, annotations=())),
        *(_attest(isolated, signer, predicate_type, body) for predicate_type, body in predicates.values()),
    ]
    progress("attest", _summary(graph, len(plan.lock.inputs)))
    return Attested(
        isolated=isolated,
        graph=graph,
        documents=(*sorted(byproducts.items()), ("provenance.json", render_canonical(predicate))),
        bundles=tuple(bundles),
    )


def _run(
    isolated: Isolated, identity: BuilderIdentity, finished: datetime, byproducts: Mapping[str, bytes]
) -> BuildRun:
    ingested = isolated.ingested
    seed = f"{ingested.plan.lock_digest} {ingested.started.isoformat()}"
    return BuildRun(
        builder=identity.id,
        builder_version=identity.version,
        invocation=f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, seed)}",
        started=ingested.started,
        finished=finished,
        sandbox=ingested.sandbox,
        network=isolated.network,
        zlib_version=identity.zlib,
        byproducts=tuple((name, Digest.of(octets)) for name, octets in sorted(byproducts.items())),
    )


def _attest(
    isolated: Isolated, signer: EvidenceSigner, predicate_type: str, predicate: Mapping[str, object]
) -> SignedBundle:
    statement = state_attestation(
        name=isolated.ingested.plan.spec.name,
        digest=isolated.image.digest,
        predicate_type=predicate_type,
        predicate=predicate,
    )
    return _attach(isolated, signer, predicate_type, statement)


def _attach(isolated: Isolated, signer: EvidenceSigner, predicate_type: str, statement: bytes) -> SignedBundle:
    bundle = signer.sign_statement(statement)
    item = EvidenceItem(shape=EvidenceShape.BUNDLE, content=bundle)
    require_verified(signer, item, isolated.image.digest, Limits())
    referrer = render_referrer(
        subject=isolated.image.manifest.descriptor,
        bundle=bundle,
        predicate_type=predicate_type,
        created=datetime.fromtimestamp(isolated.ingested.plan.spec.epoch, tz=UTC),
    )
    return SignedBundle(predicate_type=predicate_type, bundle=bundle, referrer=referrer)


def _summary(graph: Graph, inputs: int) -> str:
    gaps = f"; not established: {'; '.join(graph.gaps)}" if graph.gaps else ""
    return (
        f"signed: the image, provenance with {inputs} inputs, SPDX 2.3 and CycloneDX 1.6 with "
        f"{len(graph.components)} components{gaps}"
    )
