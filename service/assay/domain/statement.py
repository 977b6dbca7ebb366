"""Statements: what a signature speaks about (in-toto attestation framework)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.domain.digest import Digest

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
STATEMENT_V1 = "https://in-toto.io/Statement/v1"
IMAGE_SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
"""The predicate type that makes a statement an image signature; every other one makes it an attestation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One subject of a statement.

    `digest` is the SHA-256 digest, None when the subject has none that counts. `annotations` are those with text
    values; others are not reported. `name` identifies nothing.
    """

    digest: Digest | None
    name: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement of one predicate type about at least one subject (`ValueError` when there is none)."""

    predicate_type: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, object] = field(hash=False, repr=False)

    def __post_init__(self) -> None:
        if not self.predicate_type or not self.subjects:
            raise ValueError("a statement needs a predicate type and a subject")

    @property
    def digests(self) -> tuple[Digest, ...]:
        """The SHA-256 digests of the subjects that have one, in their order."""
        return tuple(subject.digest for subject in self.subjects if subject.digest is not None)

    def find_subject(self, digest: Digest) -> Subject | None:
        """The first subject with this digest, None when the statement does not speak about it."""
        return next((subject for subject in self.subjects if subject.digest == digest), None)
