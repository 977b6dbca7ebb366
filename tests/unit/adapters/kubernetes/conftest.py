"""An API server for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.kubernetes_api import ScriptedApi, scripted_api


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ScriptedApi]:
    with scripted_api(tmp_path) as serving:
        yield serving
