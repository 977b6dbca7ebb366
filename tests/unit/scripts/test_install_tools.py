"""Tools are compiled from their own modules, and only when those change."""

from pathlib import Path

import pytest

from scripts.checkout import Checkout, SetUpError
from scripts.go_toolchain import Go, find_go, go_environment, install_go
from scripts.install_tools import install_tool, read_tool, tool_is_current
from scripts.progress import Progress
from scripts.set_up import PROFILES
from tests.fakes.checkout import calls, fake_venv, small_checkout
from tests.fakes.program import write_program

# Writes the "binary" named after -o, like `go build` does.
_GO = 'echo "go $1" >> calls; while [ $# -gt 0 ]; do [ "$1" = -o ] && echo built > "$2"; shift; done; exit 0'


def _go(folder: Path, script: str = _GO, version: str = "go1.26.8") -> Go:
    return Go(path=write_program(folder / "gobin", "go", script), version=version)


def _progress(checkout: Checkout) -> Progress:
    return Progress(steps=1, step=1, logs=checkout.logs)


def test_a_tool_is_read_from_its_module(tmp_path: Path) -> None:
    tool = read_tool(small_checkout(tmp_path, "saw"), "saw")
    assert (tool.package, tool.version) == ("example.org/saw/cmd/saw", "1.2.3")


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [("tool example.org", "// example.org", "0 tool lines"), ("example.org", "example.com", "does not require")],
)
def test_a_module_that_pins_no_tool_is_refused(tmp_path: Path, written: str, instead: str, complaint: str) -> None:
    checkout = small_checkout(tmp_path, "saw")
    path = tmp_path / "tools" / "saw" / "go.mod"
    head, tail = path.read_text().split("\n\nrequire")
    path.write_text(f"{head.replace(written, instead)}\n\nrequire{tail}")
    with pytest.raises(SetUpError, match=complaint):
        read_tool(checkout, "saw")


@pytest.mark.parametrize("name", sorted({*PROFILES["test"].tools, *PROFILES["bench"].tools}))
def test_every_tool_of_this_checkout_is_pinned(name: str) -> None:
    tool = read_tool(Checkout(root=Path(__file__).parents[3]), name)
    assert tool.version[0].isdigit()
    assert all(part.endswith(f"=v{tool.version}") for part in tool.linker_flags.split() if "gitVersion" in part)


def test_a_tool_is_compiled_once_until_its_module_changes(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path, "saw")
    tool = read_tool(checkout, "saw")
    assert not tool_is_current(checkout, tool)
    install_tool(checkout, _progress(checkout), tool, _go(tmp_path))
    assert tool_is_current(checkout, tool)
    (tool.folder / "go.sum").write_text("other\n")
    assert not tool_is_current(checkout, tool)


def test_a_tool_is_compiled_with_its_own_linker_flags_and_again_when_they_change(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path, "saw")
    plain = read_tool(checkout, "saw")
    flags = plain.folder / "ldflags"
    flags.write_text("-X example.org/version=1\n")
    tool = read_tool(checkout, "saw")
    install_tool(checkout, _progress(checkout), tool, _go(tmp_path, f'echo "$*" >> calls; {_GO}'))
    assert "-ldflags=-s -w -X example.org/version=1 -o" in (tool.folder / "calls").read_text()
    assert tool_is_current(checkout, tool)
    assert not tool_is_current(checkout, plain)
    flags.write_text("-X example.org/version=2\n")
    assert not tool_is_current(checkout, read_tool(checkout, "saw"))


def test_modules_are_downloaded_before_anything_is_compiled(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path, "saw")
    install_tool(checkout, _progress(checkout), read_tool(checkout, "saw"), _go(tmp_path))
    assert (tmp_path / "tools" / "saw" / "calls").read_text() == "go list\ngo build\n"
    assert [path.name for path in checkout.binaries.iterdir()] == ["saw"]


def test_a_tool_that_does_not_compile_leaves_the_old_one(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path, "saw")
    write_program(checkout.binaries, "saw", "echo old")
    tool = read_tool(checkout, "saw")
    with pytest.raises(SetUpError, match=r"saw 1\.2\.3: compiling: failed"):
        install_tool(checkout, _progress(checkout), tool, _go(tmp_path, '[ "$1" = list ]'))
    assert "echo old" in (checkout.binaries / "saw").read_text()
    assert not tool_is_current(checkout, tool)


def test_a_new_go_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = _go(tmp_path, "echo go version go1.26.8 linux/amd64")
    monkeypatch.setenv("PATH", str(go.path.parent))
    assert find_go(small_checkout(tmp_path)) == go


@pytest.mark.parametrize("script", ["echo go version go1.25.9 linux/amd64", "echo nonsense", "exit 1"])
def test_a_go_that_is_old_or_broken_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("PATH", str(_go(tmp_path, script).path.parent))
    monkeypatch.setattr("scripts.go_toolchain._USUAL_PLACES", (tmp_path / "nothing",))
    assert find_go(small_checkout(tmp_path)) is None


def test_a_go_from_the_pinned_wheel_is_found_until_the_pin_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = small_checkout(tmp_path)
    binary = 'd=.tools/go.new/go/bin; mkdir -p $d; printf "#!/bin/sh\\necho go version go1.26.6 x\\n" > $d/go'
    write_program(checkout.venv / "bin", "python", binary)
    install_go(checkout, _progress(checkout))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("scripts.go_toolchain._USUAL_PLACES", ())
    found = find_go(checkout)
    assert found is not None
    assert found.version == "go1.26.6"
    (tmp_path / "requirements" / "go.lock").write_text("# other\n")
    assert find_go(checkout) is None


def test_the_wheel_is_installed_by_hash(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path)
    fake_venv(checkout)
    (checkout.tools / "go.new").mkdir(parents=True)
    write_program(checkout.venv / "bin", "python", f'mkdir .tools/go.new; echo "$*" >> "{tmp_path}/calls"')
    install_go(checkout, _progress(checkout))
    assert "--require-hashes" in calls(checkout)[0]


def test_compiling_keeps_to_the_checkout_and_ignores_settings_of_other_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASSAY_GO_CACHE", raising=False)
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOEXPERIMENT", "something")
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    env = go_environment(small_checkout(tmp_path), _go(tmp_path))
    assert all(env[name].startswith(str(tmp_path)) for name in ("GOPATH", "GOMODCACHE", "GOCACHE", "XDG_CONFIG_HOME"))
    assert (env["GOFLAGS"], env["GOTOOLCHAIN"], env["GOPROXY"]) == (
        "-modcacherw -buildvcs=false",
        "local",
        "https://proxy.example",
    )
    assert "GOEXPERIMENT" not in env


def test_checkouts_may_share_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_GO_CACHE", f"{tmp_path}/shared")
    assert go_environment(small_checkout(tmp_path), _go(tmp_path))["GOCACHE"] == f"{tmp_path}/shared/build"
