"""Tags that name what lies beside a digest: its referrers, and what cosign 1 and 2 wrote."""

import re

from assay.domain.digest import Digest

EVIDENCE_SUFFIXES = (".sig", ".att", ".sbom")

_EVIDENCE_TAG = re.compile(r"sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?", re.ASCII)


def evidence_tag(subject: Digest, suffix: str = "") -> str:
    """The tag that lists the referrers of a digest, or, with one of `EVIDENCE_SUFFIXES`, that holds its evidence."""
    return f"sha256-{subject.hex}{suffix}"


def is_evidence_tag(tag: str) -> bool:
    """Whether a tag is one of those that name what lies beside a digest: referrers, signatures, attestations, SBOMs."""
    return _EVIDENCE_TAG.fullmatch(tag) is not None
