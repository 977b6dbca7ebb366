"""Leaves of decisions, spelled at once: what every other way to spell them has to give."""

from assay.domain.decision import Decision
from assay.domain.digest import Digest
from assay.tlog.leaf import render_parsed_leaf, require_leaf_size, summarise
from assay.tlog.report import render_report

SALT = b"s" * 32


def leaf_for(decision: Decision, *, salt: bytes = SALT, version: str = "0.1.0") -> bytes:
    """The bytes of the decision's leaf."""
    document, report = decision.document.digest, Digest.of(render_report(decision))
    leaf = summarise(decision, document=document, report=report, salt=salt, service_version=version)
    return require_leaf_size(render_parsed_leaf(leaf), decision.id)
