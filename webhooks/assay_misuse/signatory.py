"""Evidence by one key, whole or with one flaw."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from assay.domain.identity import PublicKey
from assay.formats.bundle import render_bundle
from assay.formats.dsse import pae
from assay.formats.signing_key import public_half
from assay.ports import Signer
from assay_misuse.document import ENVELOPE, SIMPLE_SIGNING, Stored, legacy
from assay_misuse.workload import Json

SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
SPDX = "https://spdx.dev/Document"
BUILDER = "https://misuse.assay.dev/builder/v1"
SOURCE = "git+https://git.misuse.test/app"
IN_TOTO = "application/vnd.in-toto+json"
LICENCE = "MIT"
Edit = Callable[[Json], object]


def _nothing(_: Json) -> None:
    """Change nothing."""


class FreshKey:
    """A key that was made this moment and that nobody trusts; implements the port `Signer`."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def public_key(self) -> PublicKey:
        """The public half."""
        return public_half(self._key)

    def sign(self, message: bytes) -> bytes:
        """The signature over the message, in DER."""
        return self._key.sign(message, ec.ECDSA(SHA256()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Signs images and statements about them with one key."""

    signer: Signer

    def evidence(self, subject: Stored, *, licence: str = LICENCE) -> dict[str, bytes]:
        """All that a strict policy asks for: a signature, provenance and an SBOM, each as a bundle."""
        return {
            "signature": self.bundle(subject),
            "provenance": self.bundle(subject, predicate_type=PROVENANCE, predicate=provenance()),
            "sbom": self.bundle(subject, predicate_type=SPDX, predicate=sbom(licence)),
        }

    def bundle(
        self,
        subject: Stored,
        *,
        predicate_type: str = SIGNATURE,
        predicate: Mapping[str, object] | None = None,
        statement: Edit = _nothing,
        edit: Edit = _nothing,
    ) -> bytes:
        """A bundle about an image: `statement` is changed before it is signed, the bundle (`edit`) afterwards."""
        payload = _statement(subject, predicate_type, predicate, statement)
        signed = render_bundle(payload, self.signer.sign(pae(IN_TOTO, payload)), self.signer.public_key())
        document = json.loads(signed)
        edit(document)
        return json.dumps(document).encode()

    def bundle_over(self, payload: bytes) -> bytes:
        """A bundle whose signature over these bytes holds, whatever they are."""
        return render_bundle(payload, self.signer.sign(pae(IN_TOTO, payload)), self.signer.public_key())

    def legacy_signature(self, subject: Stored, *, claimed: str = "") -> Stored:
        """The manifest of a `.sig` tag; `claimed` is the digest that is signed, when it is not the subject's."""
        document = {
            "critical": {
                "identity": {"docker-reference": ""},
                "image": {"docker-manifest-digest": claimed or subject.digest},
                "type": "cosign container image signature",
            },
            "optional": None,
        }
        payload = json.dumps(document, separators=(",", ":")).encode()
        signature = base64.b64encode(self.signer.sign(payload)).decode()
        return legacy(SIMPLE_SIGNING, [(payload, {"dev.cosignproject.cosign/signature": signature})])

    def legacy_attestation(self, payload: bytes, *, told: str) -> Stored:
        """The manifest of an `.att` tag whose signature over these bytes holds; `told` is the annotated type."""
        signature = base64.b64encode(self.signer.sign(pae(IN_TOTO, payload))).decode()
        envelope = {
            "payloadType": IN_TOTO,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"sig": signature}],
        }
        notes = {"predicateType": told, "dev.cosignproject.cosign/signature": ""}
        return legacy(ENVELOPE, [(json.dumps(envelope).encode(), notes)])


def provenance(*, builder: str = BUILDER) -> Json:
    """SLSA provenance of one source."""
    return {
        "buildDefinition": {
            "buildType": f"{builder}/type",
            "externalParameters": {},
            "resolvedDependencies": [{"uri": SOURCE, "digest": {"gitCommit": "c0" * 20}}],
        },
        "runDetails": {"builder": {"id": builder}, "metadata": {"invocationId": "misuse"}},
    }


def sbom(*licences: str) -> Json:
    """An SPDX document with one package for each licence."""
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "misuse",
        "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: misuse"]},
        "packages": [_package(number, licence) for number, licence in enumerate(licences)],
    }


def statement(subject: Stored, predicate_type: str, predicate: Mapping[str, object] | None = None) -> bytes:
    """An in-toto statement about an image."""
    return _statement(subject, predicate_type, predicate, _nothing)


def _statement(subject: Stored, predicate_type: str, predicate: Mapping[str, object] | None, edit: Edit) -> bytes:
    document: Json = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": subject.digest.removeprefix("sha256:")}}],
        "predicateType": predicate_type,
        "predicate": dict(predicate or {}),
    }
    edit(document)
    return json.dumps(document).encode()


def _package(number: int, licence: str) -> Json:
    locator = f"pkg:generic/package-{number}@1.0"
    return {
        "SPDXID": f"SPDXRef-{number}",
        "name": f"package-{number}",
        "versionInfo": "1.0",
        "licenseDeclared": licence,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}
        ],
    }
