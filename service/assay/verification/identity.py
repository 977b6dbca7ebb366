"""Identities in certificates (Fulcio's extensions) and what an authority demands of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter

from cryptography import x509
from cryptography.hazmat import asn1

from assay.domain.errors import ConfigError, EvidenceRejected
from assay.domain.signer import SignerIdentity
from assay.verification.extension import Extensions
from assay.verification.text_pattern import LONGEST_TEXT, TextPattern, find_pattern_warnings

_FULCIO = "1.3.6.1.4.1.57264.1"
_REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}", re.ASCII)
_WORKFLOW = re.compile(r"[A-Za-z0-9._-]{1,200}\.ya?ml", re.ASCII)
_OTHER_NAME = x509.ObjectIdentifier(f"{_FULCIO}.7")


class SanType(StrEnum):
    """The kinds of subject alternative name that identify a signer."""

    URI = "uri"
    EMAIL = "email"
    OTHER_NAME = "other_name"


def _raw_text(octets: bytes) -> str:
    return octets.decode("utf-8")


def _utf8_string(octets: bytes) -> str:
    """The text of one DER UTF8String with nothing behind it."""
    return asn1.decode_der(str, octets)


_OIDC_ISSUER_V1 = x509.ObjectIdentifier(f"{_FULCIO}.1")
_OIDC_ISSUER_V2 = x509.ObjectIdentifier(f"{_FULCIO}.8")
CLAIMS: dict[str, tuple[str, Callable[[bytes], str]]] = {
    "github_workflow_trigger": (f"{_FULCIO}.2", _raw_text),
    "github_workflow_sha": (f"{_FULCIO}.3", _raw_text),
    "github_workflow_name": (f"{_FULCIO}.4", _raw_text),
    "github_workflow_repository": (f"{_FULCIO}.5", _raw_text),
    "github_workflow_ref": (f"{_FULCIO}.6", _raw_text),
    "build_signer_uri": (f"{_FULCIO}.9", _utf8_string),
    "build_signer_digest": (f"{_FULCIO}.10", _utf8_string),
    "runner_environment": (f"{_FULCIO}.11", _utf8_string),
    "source_repository_uri": (f"{_FULCIO}.12", _utf8_string),
    "source_repository_digest": (f"{_FULCIO}.13", _utf8_string),
    "source_repository_ref": (f"{_FULCIO}.14", _utf8_string),
    "source_repository_identifier": (f"{_FULCIO}.15", _utf8_string),
    "source_repository_owner_uri": (f"{_FULCIO}.16", _utf8_string),
    "source_repository_owner_identifier": (f"{_FULCIO}.17", _utf8_string),
    "build_config_uri": (f"{_FULCIO}.18", _utf8_string),
    "build_config_digest": (f"{_FULCIO}.19", _utf8_string),
    "build_trigger": (f"{_FULCIO}.20", _utf8_string),
    "run_invocation_uri": (f"{_FULCIO}.21", _utf8_string),
    "source_repository_visibility": (f"{_FULCIO}.22", _utf8_string),
}
"""Claims of Fulcio by name: object identifier and encoding (fulcio, `docs/oid-info.md`)."""
_CLAIMS = {name: (x509.ObjectIdentifier(dotted), decode) for name, (dotted, decode) in CLAIMS.items()}


def read_identity(certificate: x509.Certificate) -> SignerIdentity:
    """Read whom a verified certificate was issued to.

    Guaranteed: exactly one subject alternative name, a URI, an email address or Fulcio's user name; the second
    issuer extension, else the first, and both agree when both are there; every known claim is decoded as it must be
    written. Raises `EvidenceRejected(identity_mismatch)`.
    """
    try:
        extensions = Extensions.read(certificate)
        san, san_type = _read_san(extensions)
        issuer = _read_issuer(extensions)
        claims = {
            name: decode(octets)
            for name, (oid, decode) in _CLAIMS.items()
            if (octets := extensions.find_octets(oid)) is not None
        }
        if not san or any(len(text) > LONGEST_TEXT for text in (san, issuer, *claims.values())):
            raise _mismatch("a value of the certificate is empty or longer than 4 KiB")
        return SignerIdentity(issuer=issuer, san=san, san_type=san_type.value, extensions=claims)
    except ValueError as error:
        raise _mismatch(f"the certificate's identity cannot be read: {str(error)[:200]}") from error


def _read_issuer(extensions: Extensions) -> str:
    written = [
        decode(octets)
        for oid, decode in ((_OIDC_ISSUER_V2, _utf8_string), (_OIDC_ISSUER_V1, _raw_text))
        if (octets := extensions.find_octets(oid)) is not None
    ]
    if len(set(written)) > 1:
        raise _mismatch("the certificate names two different issuers")
    return written[0] if written else ""


def _read_san(extensions: Extensions) -> tuple[str, SanType]:
    extension = extensions.find(x509.SubjectAlternativeName)
    names = list(extension.value) if extension is not None else []
    match names:
        case [x509.UniformResourceIdentifier() as name]:
            return name.value, SanType.URI
        case [x509.RFC822Name() as name]:
            return name.value, SanType.EMAIL
        case [x509.OtherName() as name] if name.type_id == _OTHER_NAME:
            return _utf8_string(name.value), SanType.OTHER_NAME
        case _:
            raise _mismatch("the certificate does not name one URI, email address or user")


def _mismatch(why: str) -> EvidenceRejected:
    return EvidenceRejected("identity_mismatch", why, remedy="sign with a certificate that names its holder")


@dataclass(frozen=True, slots=True, kw_only=True)
class GithubWorkflow:
    """The workflow of GitHub Actions that was started: `repository` is `owner/name`, `workflow` a file name.

    It is compared with the build config URI, which names the calling workflow even where a reusable one signed.
    """

    repository: str
    workflow: str

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository) or not _WORKFLOW.fullmatch(self.workflow):
            raise _invalid(
                "a GitHub workflow needs a repository and the name of a workflow file", "write OWNER/NAME and FILE.yml"
            )

    def matches(self, identity: SignerIdentity) -> bool:
        """Whether the certificate's build config is this workflow at the certificate's own ref or commit."""
        claims = identity.extensions
        file = f"https://github.com/{self.repository}/.github/workflows/{self.workflow}"
        versions = (claims.get("source_repository_ref"), claims.get("source_repository_digest"))
        return claims.get("build_config_uri") in {f"{file}@{version}" for version in versions if version}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPattern:
    """What an identity must be, in every respect that is given; met by one certificate as a whole or not at all.

    `issuer` None demands a certificate without issuer, as GitHub's release attestations have it. `san_type` None takes
    the type from the form of `san`: `://` makes it a URI, else `@` an email address. `extensions` are claims by their
    names in `CLAIMS`; a claim that the certificate does not have meets no pattern. Raises
    `ConfigError(pattern_invalid)` for an unknown claim and for a type that neither is given nor follows from the form.
    """

    issuer: TextPattern | None
    san: TextPattern
    san_type: SanType | None = None
    extensions: tuple[tuple[str, TextPattern], ...] = ()
    github: GithubWorkflow | None = None

    def __post_init__(self) -> None:
        names = [name for name, _ in self.extensions]
        unknown = sorted(set(names) - CLAIMS.keys())
        if unknown or len(set(names)) != len(names):
            raise _invalid(
                f"the claim {(unknown or names)[0][:60]!r} is unknown or written twice", "see the list of claims"
            )
        self.expected_type()

    def expected_type(self) -> SanType:
        """The kind of subject alternative name that can match."""
        if self.san_type is not None:
            return self.san_type
        if "://" in self.san.hint:
            return SanType.URI
        if "@" in self.san.hint:
            return SanType.EMAIL
        raise _invalid(f"{self.san.hint[:100]!r} is neither a URI nor an email address", "write san_type")

    def matches(self, identity: SignerIdentity) -> bool:
        """Whether the identity meets every condition."""
        if identity.san_type != self.expected_type() or not self.san.matches(identity.san):
            return False
        if not (self.issuer.matches(identity.issuer) if self.issuer is not None else not identity.issuer):
            return False
        if self.github is not None and not self.github.matches(identity):
            return False
        return all(
            name in identity.extensions and pattern.matches(identity.extensions[name])
            for name, pattern in self.extensions
        )

    def document(self) -> Mapping[str, object]:
        """The pattern as canonical JSON values: equal documents, equal rules."""
        return {
            "issuer": self.issuer.document() if self.issuer is not None else None,
            "san": self.san.document(),
            "san_type": self.expected_type().value,
            "extensions": {name: pattern.document() for name, pattern in sorted(self.extensions, key=itemgetter(0))},
            "github": [self.github.repository, self.github.workflow] if self.github is not None else None,
        }

    def find_warnings(self) -> tuple[str, ...]:
        """What in the patterns is probably wider than meant."""
        patterns = [self.san, *(pattern for _, pattern in self.extensions)]
        if self.issuer is not None:
            patterns.append(self.issuer)
        return tuple(warning for pattern in patterns for warning in find_pattern_warnings(pattern))


def _invalid(why: str, remedy: str) -> ConfigError:
    return ConfigError("pattern_invalid", why, remedy=remedy)
