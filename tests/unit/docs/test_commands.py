"""Every command a reader may copy from README is run by a test, or stands here with the reason why not."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)

_ATTESTATION = (
    "cosign verify-attestation --key keys/cosign.pub --insecure-ignore-tlog --type slsaprovenance1 "
    "registry.example/age@sha256:…"
)

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
    ".venv/bin/assay --help": "tests/unit/cli/test_help.py::test_the_manual_explains_the_exit_codes",
    ".venv/bin/assay keys generate --folder keys": (
        "tests/unit/bootstrap/test_composition.py::test_a_new_key_pair_belongs_together_and_is_never_overwritten"
    ),
    ".venv/bin/assay config check examples/configuration/assay.yaml": (
        "tests/unit/bootstrap/test_inspection.py::test_the_example_works_as_it_stands"
    ),
    ".venv/bin/assay serve --config examples/configuration/assay.yaml": (
        "tests/e2e/test_processes.py::test_readiness_names_every_part_and_none_that_fails"
    ),
    ".venv/bin/assay build examples/age/assay.yaml --key keys/cosign.key --layout build/age": (
        "tests/integration/test_build.py::test_the_layer_holds_exactly_these_files"
    ),
    ".venv/bin/assay verify --key keys/cosign.pub --layout build/age": (
        "tests/unit/cli/test_verify.py::test_a_layout_is_read_instead_of_a_registry"
    ),
    ".venv/bin/assay gate --environment prod registry.example/age@sha256:…": (
        "tests/e2e/test_evidence_sources.py::test_the_command_line_names_a_layout"
    ),
    ".venv/bin/assay sign --key keys/cosign.key registry.example/age@sha256:…": (
        "tests/unit/cli/test_sign.py::test_a_signature_is_attached_and_told"
    ),
    ".venv/bin/assay attest --key keys/cosign.key --type vuln --predicate scan.json registry.example/age@sha256:…": (
        "tests/unit/cli/test_sign.py::test_an_attestation_is_attached"
    ),
    ".venv/bin/assay tree registry.example/age@sha256:…": (
        "tests/unit/cli/test_attachments.py::test_without_a_signer_nothing_is_verified"
    ),
    ".venv/bin/assay copy registry.example/age@sha256:… mirror.example/age:1.3": (
        "tests/unit/cli/test_attachments.py::test_an_image_is_copied_with_what_speaks_about_it"
    ),
    ".venv/bin/assay prove --key keys/cosign.pub --repository src registry.example/age@sha256:…": (
        "tests/unit/cli/test_prove.py::test_a_broken_chain_is_1_and_says_where"
    ),
    ".venv/bin/assay audit list --verdict deny": "tests/unit/cli/test_audit.py::test_a_decision_is_one_line",
    "cosign verify --key keys/cosign.pub --insecure-ignore-tlog registry.example/age@sha256:…": (
        "tests/e2e/test_cosign.py::test_cosign_accepts_the_signature_of_the_builder"
    ),
    _ATTESTATION: "tests/e2e/test_cosign.py::test_cosign_accepts_each_attestation_of_the_builder",
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
