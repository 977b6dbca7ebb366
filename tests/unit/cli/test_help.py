"""The manual: every command has an example, and what README shows exists."""

import re
import shlex
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from assay.cli.application import LazyGroup, application

_ROOT = Path(__file__).parents[3]
_README = re.compile(r"^\.venv/bin/assay (.+)$", re.MULTILINE)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, by the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(application))


@pytest.mark.parametrize("words", sorted(COMMANDS), ids=" ".join)
def test_every_command_explains_itself_with_an_example(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(application, [*words, "--help"], prog_name="assay")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: assay {' '.join(words)}")
    assert result.output.endswith("\n")
    assert COMMANDS[words].hidden or f"assay {' '.join(words)}" in result.output.partition("Example")[2]


@pytest.mark.parametrize("words", [(), ("audit",), ("keys",), ("config",), ("signer",)])
def test_every_group_lists_its_commands(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(application, [*words, "--help"])
    expected = {
        path[len(words)] for path, command in COMMANDS.items() if path[: len(words)] == words and not command.hidden
    }
    assert result.exit_code == 0
    assert expected
    assert all(re.search(rf"^  {name} ", result.output, re.MULTILINE) for name in expected)


def test_the_manual_explains_the_exit_codes() -> None:
    text = CliRunner().invoke(application, ["--help"]).output
    assert re.findall(r"^ +(\d)  (\w+)", text, re.MULTILINE) == [
        ("0", "allow"),
        ("1", "deny"),
        ("2", "usage"),
        ("3", "retry"),
        ("4", "internal"),
    ]


@pytest.mark.parametrize("line", _README.findall((_ROOT / "README.md").read_text(encoding="utf-8")))
def test_what_readme_shows_exists_with_those_options(line: str) -> None:
    words = shlex.split(line)
    if words == ["--help"]:
        return
    path = next(path for path in COMMANDS if tuple(words[: len(path)]) == path)
    known = {option for parameter in COMMANDS[path].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_exit_codes_of_readme_are_those_of_the_manual() -> None:
    table = re.findall(r"^\| (\d) \| ", (_ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert table == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_comes_out_for_each_shell(shell: str) -> None:
    result = CliRunner().invoke(application, ["completion", shell])
    assert (result.exit_code, "_ASSAY_COMPLETE" in result.output) == (0, True)


def test_a_shell_nobody_knows_has_no_completion() -> None:
    assert CliRunner().invoke(application, ["completion", "tcsh"]).exit_code == 2


def test_the_version_is_told() -> None:
    assert re.search(r"\d+\.\d+\.\d+", CliRunner().invoke(application, ["--version"]).output)


def test_a_command_of_another_component_is_found_and_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = [
        EntryPoint(name="good", value="assay.cli.completion:completion", group="assay.commands"),
        EntryPoint(name="bad", value="assay.cli.outcome:ExitCode", group="assay.commands"),
    ]
    monkeypatch.setattr(
        "assay.cli.application.entry_points",
        lambda group, name="": [point for point in joined if name in {"", point.name} and group],
    )
    group = LazyGroup()
    assert {"good", "bad", "verify"} <= set(group.list_commands(click.Context(group)))
    assert group.get_command(click.Context(group), "good") is not None
    assert group.get_command(click.Context(group), "neither") is None
    with pytest.raises(TypeError):
        group.get_command(click.Context(group), "bad")
