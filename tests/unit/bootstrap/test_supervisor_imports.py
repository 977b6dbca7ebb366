"""What the supervisor need not hold in memory for as long as the service runs."""

import subprocess
import sys


def test_the_supervisor_loads_nothing_of_what_its_children_run() -> None:
    program = "import sys, assay.bootstrap.serve; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout.split()
    assert "assay.adapters.supervision.supervisor" in loaded
    assert {"flask", "sqlalchemy", "alembic", "requests", "sigstore"}.isdisjoint(loaded)
