"""A document that is written from what a test measured."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def write_measured(test: str, variable: str, document: Path, render: Callable[[Mapping[str, str]], str]) -> None:
    """Run a test and write the document of its results, a JSON object in the file that the variable names to it.

    The test may fail, for the document that it is compared with is the old one; without results the run ends here.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        environment = {**os.environ, variable: str(results)}
        subprocess.run([sys.executable, "-m", "pytest", "-q", test], env=environment, check=False)
        if not results.exists():
            sys.exit(f"{test} could not be run; see above")
        document.write_text(render(json.loads(results.read_text())), encoding="utf-8")
    print(f"{document} is written")
