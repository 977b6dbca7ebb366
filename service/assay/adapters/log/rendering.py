"""What a decision is recorded as: leaf, documents and preimage, ready for the sequencer."""

from dataclasses import dataclass, field

from assay.domain.compressed import Compressed
from assay.domain.decision import OUTCOME_MEMBERS, Decision
from assay.domain.recent import Recent
from assay.tlog.leaf import mark_caller, require_leaf_size, summarise
from assay.tlog.leaf_form import LeafForm
from assay.tlog.report import render_report

_MOST = 4096
_MOST_OCTETS = 16 * 1024 * 1024
_LARGEST = 1024 * 1024
_FORM_OCTETS = 2 * 1024
"""Roughly what a form keeps beside its leaf, its document and what its report says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The parts of a record."""

    leaf: bytes = field(repr=False)
    document: Compressed
    report: Compressed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What decisions have in common that have the outcome of this one."""

    decision: Decision
    leaf: LeafForm
    report: Compressed

    def fits(self, decision: Decision) -> bool:
        """Whether a decision says the same, by identity: one outcome gives its very own values to all its decisions."""
        return all(getattr(decision, name) is getattr(self.decision, name) for name in OUTCOME_MEMBERS)


def _octets_of_form(form: _Form) -> int:
    return _FORM_OCTETS + form.leaf.size + len(form.decision.document.stream) + form.report.size


def _octets_of_report(report: Compressed) -> int:
    return report.size + len(report.stream)


class Renderer:
    """Renders decisions; what those of one outcome have in common is rendered once. Shared by threads."""

    def __init__(self, *, service_version: str, octets: int = _MOST_OCTETS) -> None:
        self._service_version = service_version
        # By digest: an outcome that follows again takes the place of the one before.
        self._forms: Recent[str, _Form] = Recent(entries=_MOST, octets=octets, size_of=_octets_of_form)
        self._reports: Recent[bytes, Compressed] = Recent(entries=_MOST, octets=octets, size_of=_octets_of_report)

    def render(self, decision: Decision, salt: bytes) -> Rendered:
        """The record of a decision under this salt.

        Raises `InvalidInput`: `leaf_malformed`, `report_malformed`, `leaf_too_large`.
        """
        form = self._forms.get(decision.document.digest.text)
        if form is None or not form.fits(decision):
            form = self._make(decision, salt)
        leaf = form.leaf.fill(
            decision_id=decision.id,
            time=decision.time,
            caller=mark_caller(decision.preimage, salt),
            dry_run=decision.dry_run,
        )
        return Rendered(leaf=require_leaf_size(leaf, decision.id), document=decision.document, report=form.report)

    def _make(self, decision: Decision, salt: bytes) -> _Form:
        report = self._compress(render_report(decision))
        leaf = summarise(
            decision,
            document=decision.document.digest,
            report=report.digest,
            salt=salt,
            service_version=self._service_version,
        )
        form = _Form(decision=decision, leaf=LeafForm(leaf), report=report)
        if _octets_of_form(form) <= _LARGEST:
            self._forms.put(decision.document.digest.text, form)
        return form

    def _compress(self, report: bytes) -> Compressed:
        known = self._reports.get(report)
        if known is None:
            known = Compressed.of(report)
            if known.size <= _LARGEST:
                self._reports.put(report, known)
        return known
