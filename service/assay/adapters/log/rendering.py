"""What a decision is recorded as: leaf, documents and preimage, ready for the sequencer."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from assay.adapters.log.content import Compressed, Compressor
from assay.domain.decision import OUTCOME_MEMBERS, Decision
from assay.tlog.leaf import mark_caller, require_leaf_size, summarise
from assay.tlog.leaf_form import LeafForm
from assay.tlog.report import render_report

_MOST_FORMS = 256
_LARGEST_FORM = 1024 * 1024
_MOST_OCTETS = 16 * 1024 * 1024
"""Of the documents and reports that forms keep."""


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
    document: Compressed
    report: Compressed

    def fits(self, decision: Decision) -> bool:
        """Whether a decision says the same, by identity: one outcome gives its very own values to all its decisions."""
        return all(getattr(decision, name) is getattr(self.decision, name) for name in OUTCOME_MEMBERS)

    @property
    def octets(self) -> int:
        """Roughly what it keeps in memory."""
        return self.document.size + self.report.size


class Renderer:
    """Renders decisions; what those of one outcome have in common is rendered once. Shared by threads."""

    def __init__(self, *, service_version: str) -> None:
        self._service_version = service_version
        self._compressor = Compressor()
        self._lock = threading.Lock()
        self._forms: OrderedDict[int, _Form] = OrderedDict()
        self._octets = 0

    def render(self, decision: Decision, salt: bytes) -> Rendered:
        """The record of a decision under this salt.

        Raises `InvalidInput`: `leaf_malformed`, `report_malformed`, `leaf_too_large`.
        """
        form = self._forms.get(id(decision.document))
        if form is None or not form.fits(decision):
            form = self._make(decision, salt)
        leaf = form.leaf.fill(
            decision_id=decision.id,
            time=decision.time,
            caller=mark_caller(decision.preimage, salt),
            dry_run=decision.dry_run,
        )
        return Rendered(leaf=require_leaf_size(leaf, decision.id), document=form.document, report=form.report)

    def _make(self, decision: Decision, salt: bytes) -> _Form:
        document = self._compressor.compress(decision.document)
        report = self._compressor.compress(render_report(decision))
        leaf = summarise(
            decision,
            document=document.digest,
            report=report.digest,
            salt=salt,
            service_version=self._service_version,
        )
        form = _Form(decision=decision, leaf=LeafForm(leaf), document=document, report=report)
        if form.octets <= _LARGEST_FORM:
            self._keep(form)
        return form

    def _keep(self, form: _Form) -> None:
        with self._lock:
            # The form keeps the document, so no other document can come to have its id meanwhile.
            before = self._forms.pop(id(form.decision.document), None)
            self._forms[id(form.decision.document)] = form
            self._octets += form.octets - (before.octets if before is not None else 0)
            while len(self._forms) > _MOST_FORMS or self._octets > _MOST_OCTETS:
                self._octets -= self._forms.popitem(last=False)[1].octets
