"""A store of verdicts in memory, which can be down or say something else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from assay.domain.errors import AssayError
from assay.domain.kept_verdict import KeptVerdict
from assay.domain.reference import Repository
from assay.domain.verdict_key import VerdictKey
from assay.ports import KeptVerdicts, VerdictStore


def _same(kept: KeptVerdict | None) -> KeptVerdict | None:
    return kept


@dataclass
class MemoryStore(VerdictStore, KeptVerdicts):
    """Keeps everything; `error` breaks both ways, `answer` what is found."""

    error: AssayError | None = None
    answer: Callable[[KeptVerdict | None], KeptVerdict | None] = _same
    name: str = ""
    kept: dict[VerdictKey, KeptVerdict] = field(default_factory=dict)
    pushed: dict[Repository, datetime] = field(default_factory=dict)

    def epoch(self) -> str:
        if self.error is not None:
            raise self.error
        return self.name

    def find(self, key: VerdictKey) -> KeptVerdict | None:
        if self.error is not None:
            raise self.error
        kept, pushed = self.kept.get(key), self.pushed.get(key.repository)
        return self.answer(kept if kept is not None and (pushed is None or kept.listed >= pushed) else None)

    def keep(self, kept: KeptVerdict) -> None:
        if self.error is not None:
            raise self.error
        self.kept[kept.key] = kept

    def forget(self, key: VerdictKey) -> None:
        if self.error is not None:
            raise self.error
        self.kept.pop(key, None)

    def note_push(self, repository: Repository, time: datetime) -> None:
        if self.error is not None:
            raise self.error
        self.pushed[repository] = max(time, self.pushed.get(repository, time))

    def entries(self) -> list[KeptVerdict]:
        return sorted(self.kept.values(), key=lambda kept: kept.listed, reverse=True)

    def clear(self) -> None:
        self.kept.clear()
        self.name += "cleared"
