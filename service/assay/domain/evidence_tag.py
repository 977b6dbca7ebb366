"""Tags that name what lies beside a digest: its referrers, and what cosign 1 and 2 wrote."""

import re
from dataclasses import dataclass

from assay.domain.digest import Digest

EVIDENCE_SUFFIXES = (".sig", ".att", ".sbom")

_EVIDENCE_TAG = re.compile(r"sha256-([0-9a-f]{64})(\.(?:sig|att|sbom))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceTag:
    """What such a tag says: beside which digest it lies, and its suffix, empty for the list of referrers."""

    subject: Digest
    suffix: str


def evidence_tag(subject: Digest, suffix: str = "") -> str:
    """The tag that lists the referrers of a digest, or, with one of `EVIDENCE_SUFFIXES`, that holds its evidence."""
    return f"sha256-{subject.hex}{suffix}"


def parse_evidence_tag(tag: str) -> EvidenceTag | None:
    """What the tag says, None for any other tag."""
    found = _EVIDENCE_TAG.fullmatch(tag)
    return EvidenceTag(subject=Digest.from_hex(found[1]), suffix=found[2] or "") if found else None
