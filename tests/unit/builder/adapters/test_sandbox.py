import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay.domain.descriptor import OCI_CONFIG, Content
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable
from assay_builder.adapters.sandbox.bubblewrap import Bind, Bubblewrap, Confined
from assay_builder.adapters.sandbox.network import read_network
from assay_builder.adapters.sandbox.sandbox import _EXIT_ZERO, BubblewrapSandbox
from assay_builder.adapters.sandbox.scratch import read_program, scratch_folder, write_file
from assay_builder.adapters.sandbox.workshop import GoWorkshop
from assay_builder.confinement import Completed, NetworkProof
from assay_builder.pipeline import build
from tests.fakes.build import LIBRARY, SOURCE, TOOLCHAIN, FakeBuildWorld, pack_module

PROGRAM = Path(shutil.which("bwrap") or "/nonexistent")


def shell(script: str, *, seconds: float = 20, largest: int = 65536, extra: tuple[Bind, ...] = ()) -> Completed:
    """Run a shell of this machine in the sandbox, to look around from inside."""
    system = [Path(folder) for folder in ("/usr", "/bin", "/lib", "/lib64") if Path(folder).exists()]
    return Bubblewrap(PROGRAM).run(
        Confined(
            command=("/bin/sh", "-c", script),
            binds=(*(Bind(source=folder, target=str(folder)) for folder in system), *extra),
            environment={"PATH": "/usr/bin:/bin"},
            folder="/",
            user=1000,
            seconds=seconds,
            largest_output=largest,
        )
    )


def refuse(action: object) -> AssayError:
    assert callable(action)
    with pytest.raises(AssayError) as caught:
        action()
    return caught.value


def test_a_command_ends_with_its_status_output_and_log() -> None:
    completed = shell("echo out; echo log >&2; exit 3")
    assert (completed.status, completed.output, completed.log) == (3, b"out\n", b"log\n")


def test_there_is_no_network_inside() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        completed = shell(f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'; cat /proc/net/dev")
        with pytest.raises(TimeoutError):
            server.accept()
    interfaces = [line.split(b":")[0].strip() for line in completed.output.splitlines()[2:]]
    assert interfaces == [b"lo"]
    assert completed.network.isolated


def test_there_is_no_capability_no_environment_and_no_further_namespace() -> None:
    completed = shell(
        "grep CapEff /proc/self/status; env; cat /proc/sys/kernel/hostname; id -u; unshare -U true || echo confined"
    )
    assert completed.output.splitlines()[0] == b"CapEff:\t0000000000000000"
    assert b"HOME" not in completed.output
    assert completed.output.splitlines()[-3:] == [b"builder", b"1000", b"confined"]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_only_what_is_bound_for_writing_can_be_written(open_folder: Path) -> None:
    completed = shell(
        "touch /mine/a || echo no; touch /b || echo no", extra=(Bind(source=open_folder, target="/mine"),)
    )
    assert completed.output == b"no\nno\n"


def test_a_file_of_root_cannot_be_read(open_folder: Path) -> None:
    (open_folder / "secret").write_bytes(b"secret\n")
    (open_folder / "secret").chmod(0o600)
    completed = shell("cat /mine/secret || echo denied", extra=(Bind(source=open_folder, target="/mine"),))
    # Anybody else than root runs sandboxes as themselves, and may read their own files there as here.
    assert completed.output == (b"denied\n" if os.geteuid() == 0 else b"secret\n")


def test_a_command_that_takes_too_long_is_ended() -> None:
    error = refuse(lambda: shell("sleep 60", seconds=0.3))
    assert isinstance(error, Unavailable)
    assert error.code == "build_timeout"


def test_a_command_that_closes_its_output_is_ended_too() -> None:
    assert refuse(lambda: shell("exec >&- 2>&-; sleep 60", seconds=0.3)).code == "build_timeout"


def test_a_command_that_prints_without_end_is_ended() -> None:
    assert refuse(lambda: shell("cat /dev/zero", largest=100_000)).code == "build_output_limit"


def test_a_sandbox_that_works_is_named() -> None:
    identity = BubblewrapSandbox(PROGRAM, scratch=Path("/tmp")).check()  # noqa: S108  # where builds happen by default
    assert identity.engine == "bubblewrap"
    assert identity.version[0].isdecimal()


@pytest.mark.parametrize("program", [None, Path("/nonexistent/bwrap"), Path("/bin/false")])
def test_without_bubblewrap_nothing_begins(program: Path | None, tmp_path: Path) -> None:
    error = refuse(BubblewrapSandbox(program, scratch=tmp_path).check)
    assert isinstance(error, ConfigError)
    assert (error.code, "install bubblewrap" in error.remedy) == ("sandbox_unavailable", True)


def pretend(folder: Path, script: str, proof: NetworkProof) -> Completed:
    """Run a program that is no bubblewrap; it finds the descriptor for its report as the second argument."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(0o755)
    confined = Confined(command=("x",), binds=(), environment={}, folder="/", user=1, seconds=0.5, largest_output=100)
    return Bubblewrap(program, inspect=lambda _: proof).run(confined)


ISOLATED = NetworkProof(namespace="net:[2]", host_namespace="net:[1]", interfaces=(("lo", 0),), routes=())


def test_a_sandbox_with_a_network_runs_nothing(open_folder: Path) -> None:
    report = """echo '{"child-pid": 1}' >&$2; read -r -N 1 -u $4"""
    assert pretend(open_folder, report, ISOLATED).status == 0
    with_network = replace(ISOLATED, interfaces=(("eth0", 0), ("lo", 0)))
    assert refuse(lambda: pretend(open_folder, report, with_network)).code == "sandbox_unavailable"


def test_a_sandbox_that_reports_nothing_runs_nothing(open_folder: Path) -> None:
    assert refuse(lambda: pretend(open_folder, "exit 1", ISOLATED)).code == "sandbox_unavailable"
    assert refuse(lambda: pretend(open_folder, "echo '{}' >&$2", ISOLATED)).code == "sandbox_unavailable"
    early = """exec 3>&$2 4>&-; eval "exec $4<&-"; echo '{"child-pid": 1}' >&3; exec sleep 60"""
    assert refuse(lambda: pretend(open_folder, early, ISOLATED)).code == "sandbox_unavailable"
    missing = Bubblewrap(Path("/nonexistent/bwrap"))
    confined = Confined(command=("x",), binds=(), environment={}, folder="/", user=1, seconds=1, largest_output=1)
    assert refuse(lambda: missing.run(confined)).code == "sandbox_unavailable"


def test_a_sandbox_that_goes_on_in_silence_is_ended(open_folder: Path) -> None:
    script = """echo '{"child-pid": 1}' >&$2; read -r -N 1 -u $4; exec sleep 60 >/dev/null 2>&1"""
    assert refuse(lambda: pretend(open_folder, script, ISOLATED)).code == "build_timeout"


def test_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert refuse(BubblewrapSandbox(PROGRAM, scratch=tmp_path).check).code == "sandbox_unavailable"


def test_a_probe_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_builder.adapters.sandbox.sandbox._EXIT_ZERO", b"#!/nonexistent\n")
    error = refuse(BubblewrapSandbox(PROGRAM, scratch=Path("/tmp")).check)  # noqa: S108
    assert error.code == "sandbox_unavailable"


@pytest.mark.parametrize(
    "change",
    [
        {"namespace": "net:[1]"},
        {"namespace": ""},
        {"interfaces": (("lo", 1),)},
        {"interfaces": ()},
        {"routes": ("eth0",)},
    ],
)
def test_anything_but_an_idle_loopback_is_a_network(change: dict[str, object]) -> None:
    proof = NetworkProof(namespace="net:[2]", host_namespace="net:[1]", interfaces=(("lo", 0),), routes=())
    assert proof.isolated
    assert not replace(proof, **change).isolated  # type: ignore[arg-type]  # the fields of the cases above


def test_the_kernel_is_asked_about_routes(tmp_path: Path) -> None:
    for process in ("7", "self"):
        (tmp_path / process / "net").mkdir(parents=True)
        (tmp_path / process / "ns").mkdir()
        (tmp_path / process / "ns" / "net").symlink_to(f"net:[{process}]")
    net = tmp_path / "7" / "net"
    (net / "dev").write_text("h\nh\n  eth0: 0 3 0 0 0 0 0 0 0 4 0\n    lo: 0 0 0 0 0 0 0 0 0 0 0\n")
    (net / "route").write_text("Iface Destination\neth0\t00000000\n")
    assert read_network(7, proc=tmp_path).routes == ("eth0\t00000000",)
    (net / "ipv6_route").write_text("00 00 lo\n00 00 eth0\n")
    proof = read_network(7, proc=tmp_path)
    assert (proof.routes, proof.interfaces) == (("eth0\t00000000", "00 00 eth0"), (("eth0", 7), ("lo", 0)))
    assert (proof.namespace, proof.host_namespace) == ("net:[7]", "net:[self]")


def test_a_workshop_unpacks_only_what_a_build_needs(tmp_path: Path) -> None:
    files = {"bin/go": b"go", "src/fmt/print.go": b"p", "src/fmt/print_test.go": b"t", "src/cmd/x.go": b"c"}
    workshop = GoWorkshop(Bubblewrap(PROGRAM), tmp_path, epoch=0)
    workshop.unpack_toolchain(TOOLCHAIN, pack_module(TOOLCHAIN, files))
    unpacked = {str(file.relative_to(tmp_path)) for file in (tmp_path / "toolchain").rglob("*") if file.is_file()}
    assert unpacked == {"toolchain/bin/go", "toolchain/src/fmt/print.go"}
    assert (tmp_path / "toolchain" / "bin" / "go").stat().st_mode & 0o777 == 0o755


def test_a_workshop_runs_the_go_command_and_tells_which_files_it_read() -> None:
    toolchain = pack_module(TOOLCHAIN, {"bin/go": _EXIT_ZERO})
    sandbox = BubblewrapSandbox(PROGRAM, scratch=Path("/tmp"))  # noqa: S108
    with sandbox.open_workshop(
        toolchain=(TOOLCHAIN, toolchain), source=(SOURCE, pack_module(SOURCE, {"go.mod": b"m"})), epoch=0
    ) as workshop:
        workshop.add_proxy_file(LIBRARY.mod_path, b"module")
        assert workshop.run_go(["version"]).status == 0
        assert workshop.used_proxy_files() == ()
        cached = workshop._work / "modules" / "cache" / "download" / LIBRARY.mod_path
        cached.parent.mkdir(parents=True)
        cached.write_bytes(b"module")
        assert workshop.used_proxy_files() == (LIBRARY.mod_path,)
        assert refuse(lambda: workshop.read_program("demo")).code == "build_output_missing"
        folder = workshop._work
    assert not folder.exists()


def test_a_program_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "good").write_bytes(b"ELF")
    assert read_program(tmp_path, "good") == b"ELF"
    for name in ("passwd", "empty"):
        assert refuse(lambda name=name: read_program(tmp_path, name)).code == "build_output_missing"


def test_a_scratch_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    def enter() -> None:
        with scratch_folder(tmp_path / "missing"):
            pass

    assert refuse(enter).code == "scratch_unavailable"


def test_the_program_of_an_image_runs_as_its_user() -> None:
    world = FakeBuildWorld()
    world.workshop.program = _EXIT_ZERO
    image = build(world.plan, world.parts()).isolated.image
    sandbox = BubblewrapSandbox(PROGRAM, scratch=Path("/tmp"))  # noqa: S108
    assert sandbox.run_image(image, []).status == 0
    broken = json.dumps({"config": {}}).encode()
    unusable = replace(image, config=Content(media_type=OCI_CONFIG, octets=broken, digest=Digest.of(broken)))
    with pytest.raises(InvalidInput) as caught:
        sandbox.run_image(unusable, [])
    assert caught.value.code == "image_unusable"


def test_files_are_written_with_their_mode(tmp_path: Path) -> None:
    write_file(tmp_path, "a/b", b"x", mode=0o755)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o755
