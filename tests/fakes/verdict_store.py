"""A store of verdicts in memory, which can be down or say something else."""

from collections.abc import Callable
from dataclasses import dataclass, field

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
    forgotten: list[Repository] = field(default_factory=list)
    kept: dict[VerdictKey, KeptVerdict] = field(default_factory=dict)

    def epoch(self, repository: Repository) -> str:
        if self.error is not None:
            raise self.error
        return f"{self.name}{self.forgotten.count(repository) or ''}"

    def forget_repository(self, repository: Repository) -> None:
        if self.error is not None:
            raise self.error
        self.forgotten.append(repository)

    def find(self, key: VerdictKey) -> KeptVerdict | None:
        if self.error is not None:
            raise self.error
        return self.answer(self.kept.get(key))

    def keep(self, kept: KeptVerdict) -> None:
        if self.error is not None:
            raise self.error
        self.kept[kept.key] = kept

    def forget(self, key: VerdictKey) -> None:
        if self.error is not None:
            raise self.error
        self.kept.pop(key, None)

    def entries(self) -> list[KeptVerdict]:
        return sorted(self.kept.values(), key=lambda kept: kept.listed, reverse=True)

    def clear(self) -> None:
        self.kept.clear()
        self.name += "cleared"
