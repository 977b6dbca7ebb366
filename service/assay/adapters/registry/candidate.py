"""A candidate carried in a gate call, read as if it lay in a registry."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_EMPTY, OCI_MANIFEST, SIGSTORE_BUNDLE, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.gate import Candidate
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import parse_image_manifest

_EMPTY = b"{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRegistry:
    """An artefact with its configuration and bundles, all in memory; implements the port `Registry`.

    Each bundle appears as a referrer of the artefact, in a manifest made up here: whether the bundle really speaks
    about the artefact is for verification to say. Other digests, tags and repositories do not exist.
    """

    artefact: Artefact
    manifest: Content
    blobs: Mapping[Digest, bytes] = field(repr=False)
    referrers: Mapping[Digest, bytes] = field(repr=False)

    @classmethod
    def of(cls, candidate: Candidate, artefact: Artefact, *, limits: Limits) -> "CandidateRegistry":
        """Take the candidate's documents in, as those of this artefact.

        Raises `InvalidInput`: `digest_mismatch` when the manifest does not have the artefact's digest or the
        configuration not the one the manifest names, `manifest_malformed`, `index_unsupported`, and `evidence_limit`
        for too many or too large bundles.
        """
        digest = Digest.of(candidate.manifest)
        if digest != artefact.digest:
            raise _mismatch(f"the candidate's manifest has the digest {digest}, the call names {artefact.digest}")
        manifest = Content(media_type=candidate.media_type, octets=candidate.manifest, digest=digest)
        parsed = parse_image_manifest(manifest, what="the candidate's manifest", limits=limits)
        config = Digest.of(candidate.config)
        if config != parsed.config.digest or len(candidate.config) != parsed.config.size:
            raise _mismatch(
                f"the candidate's config has the digest {config}, its manifest names {parsed.config.digest}"
            )
        _check_bundles(candidate.bundles, limits)
        bundles = {Digest.of(bundle): bundle for bundle in candidate.bundles}
        referrers = [_referrer(manifest.descriptor, bundle) for bundle in bundles.values()]
        return cls(
            artefact=artefact,
            manifest=manifest,
            blobs={config: candidate.config, Digest.of(_EMPTY): _EMPTY, **bundles},
            referrers={Digest.of(referrer): referrer for referrer in referrers},
        )

    def resolve(self, reference: Reference, deadline: Deadline) -> Content:
        """The candidate's manifest, when the reference names its digest."""
        content = None
        if reference.digest is not None:
            content = self.find_manifest(reference.repository, reference.digest.text, deadline)
        if content is None:
            raise InvalidInput(
                "manifest_unknown",
                f"the call carries {self.artefact.reference}, not {reference}",
                remedy="name the candidate by its digest",
            )
        return content

    def find_manifest(self, repository: Repository, tag_or_digest: str, deadline: Deadline) -> Content | None:
        """The candidate's manifest or the made-up manifest of one of its bundles."""
        deadline.remaining("the candidate")
        if repository != self.artefact.repository:
            return None
        if tag_or_digest == self.artefact.digest.text:
            return self.manifest
        for digest, referrer in self.referrers.items():
            if digest.text == tag_or_digest:
                return Content(media_type=OCI_MANIFEST, octets=referrer, digest=digest)
        return None

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:
        """The configuration, a bundle or the empty blob; layers are not part of a candidate."""
        deadline.remaining("the candidate")
        octets = self.blobs.get(descriptor.digest)
        if octets is None or repository != self.artefact.repository:
            raise InvalidInput(
                "manifest_malformed",
                f"the candidate does not carry the blob {descriptor.digest}",
                remedy="send the configuration and the bundles with the call",
            )
        if len(octets) != descriptor.size:
            raise _mismatch(f"the blob {descriptor.digest} has {len(octets)} bytes, not {descriptor.size}")
        return octets

    def list_referrers(self, repository: Repository, digest: Digest, deadline: Deadline) -> Sequence[Descriptor]:
        """One referrer for each bundle, sorted by digest."""
        deadline.remaining("the candidate")
        if digest != self.artefact.digest or repository != self.artefact.repository:
            return []
        return [
            Descriptor(media_type=OCI_MANIFEST, digest=item, size=len(octets), artifact_type=SIGSTORE_BUNDLE)
            for item, octets in sorted(self.referrers.items())
        ]


def _check_bundles(bundles: Sequence[bytes], limits: Limits) -> None:
    largest, total = max(map(len, bundles), default=0), sum(map(len, bundles))
    if len(bundles) > limits.referrers or largest > limits.blob_octets or total > limits.evidence_octets:
        raise InvalidInput(
            "evidence_limit",
            f"the candidate carries {len(bundles)} bundles, the largest of {largest}, together of {total} bytes",
            remedy="send fewer or smaller bundles",
        )


def _referrer(subject: Descriptor, bundle: bytes) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": SIGSTORE_BUNDLE,
        "config": _rendered(OCI_EMPTY, _EMPTY),
        "layers": [_rendered(SIGSTORE_BUNDLE, bundle)],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest.text, "size": subject.size},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _rendered(media_type: str, octets: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": Digest.of(octets).text, "size": len(octets)}


def _mismatch(why: str) -> InvalidInput:
    return InvalidInput("digest_mismatch", why, remedy="send the documents of the artefact that the call names")
