"""Programs that say and do as they are told."""

from pathlib import Path


def write_program(folder: Path, name: str, script: str) -> Path:
    """Put an executable shell script into a folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path
