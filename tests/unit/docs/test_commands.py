"""Every command a reader may copy from README is run by a test, or stands here with the reason why not."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)

# Command -> the test that runs it, or what else shows that it works.
_COVERED = {
    "make demo": "continuous integration and every reader run it; its steps are tests of their own",
    "make test": "it runs this test",
    "make test-fast": "it runs this test",
    "make check": "its steps are those of `make test`",
    "make bench": "a measurement; what it measures is tested",
    "./setup": "tests/unit/scripts/test_set_up.py::test_the_first_python_that_is_new_enough_does_the_work",
    "./setup test": "tests/unit/scripts/test_set_up.py::test_the_first_python_that_is_new_enough_does_the_work",
    ".venv/bin/python -m demo": "what `make demo` runs",
}


def commands(text: str) -> list[str]:
    """The commands in the `sh` blocks of a Markdown text, without comments, prompts and continuation lines."""
    lines = "\n".join(_BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    bare = (re.sub(r"\s+#.*$", "", line.removeprefix("$ ")).strip() for line in lines)
    parts = (part.strip() for line in bare if line and not line.startswith("#") for part in line.split("&&"))
    return [re.sub(r"\s+", " ", part) for part in parts]


def test_every_command_of_the_readme_is_accounted_for() -> None:
    unknown = [line for line in commands((_ROOT / "README.md").read_text(encoding="utf-8")) if line not in _COVERED]
    assert unknown == [], "run it in a test and name that test here"


@pytest.mark.parametrize("reason", [reason for reason in _COVERED.values() if reason.startswith("tests/")])
def test_a_test_that_is_named_exists(reason: str) -> None:
    path, _, name = reason.partition("::")
    assert f"def {name}(" in (_ROOT / path).read_text(encoding="utf-8")


def test_commands_are_read_from_shell_blocks_only() -> None:
    text = "```sh\n# a comment\n$ make  demo   # shown\n./setup && \\\n  make test\n```\n```json\n{}\n```\n"
    assert commands(text) == ["make demo", "./setup", "make test"]


@pytest.mark.parametrize("target", ["demo", "test", "test-fast", "check", "bench", "lock"])
def test_every_target_of_the_makefile_sets_up_first(target: str) -> None:
    recipe = re.search(rf"^{target}:.*\n\t@\./setup ", (_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe is not None
