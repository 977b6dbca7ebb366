"""Long programs show that they live, and why they failed."""

import os
from pathlib import Path

import pytest

from scripts.checkout import SetUpError
from scripts.progress import Progress


def _progress(folder: Path, heartbeat: float = 15) -> Progress:
    return Progress(steps=3, step=2, logs=folder / "logs", heartbeat=heartbeat)


def _run(progress: Progress, folder: Path, *command: str, what: str = "tool 1.0: compiling") -> None:
    progress.run(command, what, cwd=folder, env=os.environ, remedy="try again")


def test_a_program_is_announced_with_its_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(_progress(tmp_path), tmp_path, "true")
    assert capsys.readouterr().out == "[2/3] tool 1.0: compiling ...  (0 s)\n"


def test_output_goes_to_a_log_and_not_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(_progress(tmp_path), tmp_path, "sh", "-c", "echo out; echo err >&2")
    assert (tmp_path / "logs" / "tool-1.0--compiling.log").read_text() == "out\nerr\n"
    assert "err" not in capsys.readouterr().out


def test_a_long_program_has_a_heartbeat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(_progress(tmp_path, heartbeat=0.05), tmp_path, "sleep", "0.2")
    assert "still tool 1.0: compiling" in capsys.readouterr().out


def test_a_failure_shows_the_end_of_the_log_its_path_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SetUpError) as failure:
        _run(_progress(tmp_path), tmp_path, "sh", "-c", "seq 1 30; exit 3")
    text = str(failure.value)
    assert text.startswith("tool 1.0: compiling: failed with status 3\n    11\n")
    assert f"whole log: {tmp_path}/logs/tool-1.0--compiling.log" in text
    assert text.endswith("try again")


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetUpError, match="no-such-program cannot be started"):
        _run(_progress(tmp_path), tmp_path, "no-such-program")


def test_a_long_name_is_cut_for_the_file_system(tmp_path: Path) -> None:
    _run(_progress(tmp_path), tmp_path, "true", what="x" * 500)
    assert len(list((tmp_path / "logs").iterdir())) == 1


def test_a_program_ends_when_set_up_is_interrupted(tmp_path: Path) -> None:
    readings = iter([0.0, 0.0])

    def clock() -> float:
        try:
            return next(readings)
        except StopIteration:
            raise KeyboardInterrupt from None

    progress = Progress(steps=1, logs=tmp_path / "logs", heartbeat=0.1, clock=clock)
    with pytest.raises(KeyboardInterrupt):
        _run(progress, tmp_path, "sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60")
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
