"""Documents name the last effective date in place of the time, so no rule may take that for the time."""

import re
from pathlib import Path

import pytest

_POLICIES = Path(__file__).parents[3] / "policies"
_RULES = [path for path in sorted(_POLICIES.rglob("*.rego")) if not path.name.endswith("_test.rego")]


@pytest.mark.parametrize("path", _RULES, ids=lambda path: path.relative_to(_POLICIES).as_posix())
def test_only_the_selection_of_rules_looks_at_the_time(path: Path) -> None:
    reads = re.search(r"input(\.|\[\")context", path.read_text(encoding="utf-8"))
    assert bool(reads) is (path.relative_to(_POLICIES).as_posix() == "lib/selection.rego")
