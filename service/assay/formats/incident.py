"""An incident as a document: what its owner is sent, and what the log keeps of it."""

import json
from collections.abc import Mapping

from assay.domain.incident import Incident


def describe_incident(incident: Incident) -> Mapping[str, str]:
    """The members of the document; those that nobody told are empty."""
    return {
        "kind": incident.kind.value,
        "repository": incident.repository.name,
        "tag": incident.tag,
        "known": incident.known.text,
        "found": incident.found.text,
        "at": incident.at.isoformat(),
        "by": incident.by,
        "reason": incident.reason,
        "pushed": incident.pushed.isoformat() if incident.pushed else "",
    }


def render_incident(incident: Incident) -> bytes:
    """The document as bytes, the same ones for the same incident."""
    return json.dumps(describe_incident(incident), sort_keys=True).encode("ascii")
