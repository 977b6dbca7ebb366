"""How evidence lies beside an artefact, and so where it is looked for."""

from enum import StrEnum


class EvidenceFormat(StrEnum):
    """One way to store evidence beside an artefact, by the name that the configuration has for it."""

    REFERRERS = "referrers"
    """Sigstore bundles in referrers, also where the fallback tag lists them."""

    SIGNATURE_TAGS = "signature_tags"
    """Signatures under `sha256-….sig` (cosign 1 and 2)."""

    ATTESTATION_TAGS = "attestation_tags"
    """Attestations under `sha256-….att` (cosign 1 and 2)."""

    LISTED_STATEMENTS = "listed_statements"
    """Statements that an index lists beside its images (BuildKit)."""


EVERY_FORMAT = frozenset(EvidenceFormat)
