"""What the configuration says about where evidence is looked for."""

from assay.configuration.section import Section, refuse
from assay.domain.evidence_format import EvidenceFormat


def read_evidence(section: Section) -> frozenset[EvidenceFormat]:
    """Read the section `evidence`, in which every format is on unless it is written to be off.

    Raises `ConfigError(configuration_invalid)`, also when no format is left: nothing could ever be allowed.
    """
    formats = frozenset(kind for kind in EvidenceFormat if section.flag(kind, default=True))
    section.finish()
    if not formats:
        raise refuse(section.place, "every format of evidence is off", "leave at least one on")
    return formats
