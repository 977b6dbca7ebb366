"""Predicates that are to be signed: the short names of their types, and what a file of each type has to hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assay.domain.descriptor import CYCLONEDX_DOCUMENT, SPDX_DOCUMENT
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.strict_json import parse_json

_CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
PREDICATE_TYPES: Mapping[str, str] = {
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "spdx": "https://spdx.dev/Document",
    "spdxjson": "https://spdx.dev/Document",
    "cyclonedx": "https://cyclonedx.org/bom",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "openvex": "https://openvex.dev/ns",
    "custom": _CUSTOM,
}
"""The short names that cosign knows, and the predicate types that they stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A predicate with its type, ready to be stated about an image."""

    type: str
    body: Mapping[str, object] = field(hash=False, repr=False)


def resolve_predicate_type(name: str) -> str:
    """The predicate type behind a short name, or the URI that `name` is.

    Raises `InvalidInput(predicate_type_unusable)` for a name that is neither, and for the type of image signatures,
    which are another claim.
    """
    resolved = PREDICATE_TYPES.get(name, name)
    if ":" not in resolved or resolved == IMAGE_SIGNATURE or not resolved.isascii() or not resolved.isprintable():
        raise InvalidInput(
            "predicate_type_unusable",
            f"{name[:100]!r} cannot be the predicate type of an attestation",
            remedy=f"name one of {', '.join(PREDICATE_TYPES)}, or a URI; to sign an image, sign the image",
        )
    return resolved


def read_predicate(octets: bytes, name: str, *, now: datetime, limits: Limits) -> Predicate:
    """Read the file of a predicate of the type that `name` stands for.

    The file has to be one strict JSON object and becomes the predicate as it is. A file of type `custom` is any UTF-8
    text and is wrapped as cosign wraps it, with the time. Not checked: that the object is a document of its type.
    Raises `InvalidInput(predicate_type_unusable | predicate_malformed)`.
    """
    kind = resolve_predicate_type(name)
    if kind == _CUSTOM:
        timestamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Predicate(type=kind, body={"Data": _read_text(octets, limits), "Timestamp": timestamp})
    try:
        document = parse_json(octets, what="the predicate", largest=limits.blob_octets)
    except InvalidInput as error:
        raise _malformed(error.message) from error
    if not isinstance(document, dict):
        raise _malformed("the predicate is not a JSON object")
    return Predicate(type=kind, body=document)


def _read_text(octets: bytes, limits: Limits) -> str:
    if len(octets) > limits.blob_octets:
        raise _malformed(f"the predicate has {len(octets)} bytes, more than {limits.blob_octets}")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("the predicate is not UTF-8 text") from error


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("predicate_malformed", why, remedy="give one JSON object, or text with the type custom")


def detect_sbom_type(octets: bytes, *, limits: Limits) -> str:
    """The media type of an SBOM, by what it calls itself.

    Not checked: anything else. Raises `InvalidInput(sbom_unsupported)` for what is neither SPDX nor CycloneDX in JSON.
    """
    try:
        document = parse_json(octets, what="the SBOM", largest=limits.blob_octets)
    except InvalidInput as error:
        raise _no_sbom(error.message) from error
    members = document if isinstance(document, dict) else {}
    if members.get("bomFormat") == "CycloneDX":
        return CYCLONEDX_DOCUMENT
    if isinstance(members.get("spdxVersion"), str):
        return SPDX_DOCUMENT
    raise _no_sbom("the document calls itself neither SPDX 2 nor CycloneDX")


def _no_sbom(why: str) -> InvalidInput:
    return InvalidInput("sbom_unsupported", why, remedy="give an SPDX 2 or CycloneDX document in JSON")
