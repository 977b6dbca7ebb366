"""Running the command line as `assay` does, around a fake composition."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from assay.__main__ import main
from tests.fakes.composition import FakeComposition


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        assert self.out.count("\n") == 1
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass
class CommandLine:
    """Runs `main` with these parts; what a command says is captured."""

    parts: FakeComposition
    monkeypatch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Outcome:
        self.monkeypatch.setattr("sys.argv", ["assay", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = self.capture.readouterr()
        assert isinstance(caught.value.code, int)
        return Outcome(status=caught.value.code, out=out, err=err)


@pytest.fixture
def assay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    parts = FakeComposition()
    monkeypatch.setattr("assay.__main__.SystemComposition", lambda: parts)
    for name in ("ASSAY_TOKEN", "ASSAY_SERVICE", "ASSAY_KEY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return CommandLine(parts=parts, monkeypatch=monkeypatch, capture=capsys)
