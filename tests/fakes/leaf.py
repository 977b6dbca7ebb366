"""The leaf of a decision, spelled at once: what every other way to spell it has to give."""

from assay.domain.decision import Decision
from assay.tlog.leaf import render_parsed_leaf, require_leaf_size, summarise


def render_leaf(decision: Decision, *, report: bytes, salt: bytes, service_version: str) -> bytes:
    """The bytes of the decision's leaf."""
    leaf = summarise(decision, report=report, salt=salt, service_version=service_version)
    return require_leaf_size(render_parsed_leaf(leaf), decision.id)
