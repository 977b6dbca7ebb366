"""Everything a build needs from outside, in memory: a proxy, a store, a sandbox that answers like the go command.

world = FakeBuildWorld()                 # a program `example.org/demo` with one module and a toolchain
attested = pipeline.build(world.plan, world.parts())
"""

import contextlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec

from assay.adapters.signing.key_file import KeyFileSigner
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.usecases.sign import KeyEvidenceSigner
from assay_builder.confinement import Completed, NetworkProof, SandboxIdentity
from assay_builder.describe.licence_text import LicenceTexts, word_pairs
from assay_builder.image.image import Image
from assay_builder.locking.dirhash import hash_module_file, hash_module_zip
from assay_builder.module_zip import ModuleZip
from assay_builder.pipeline import BuildParts
from assay_builder.plan.lock import InputKind, Lock, LockedInput, render_lock
from assay_builder.plan.module import Module, toolchain_module
from assay_builder.plan.plan import Plan, make_plan
from assay_builder.stages.attest import BuilderIdentity

SPEC = b"""
name: demo
version: 1.0.0
supplier: Example
source: {go_module: example.org/demo, version: v1.0.0}
toolchain: {go: 1.26.11}
build:
  packages: [{package: example.org/demo/cmd/demo, output: demo}]
  ldflags: [-s, -w, -buildid=]
image: {user: 65532, entrypoint: [/usr/bin/demo]}
source_date_epoch: 1788025219
publish: {repository: registry.example/demo, tags: ["1.0.0"]}
policy: {environment: demo}
"""
SOURCE = Module(path="example.org/demo", version="v1.0.0")
LIBRARY = Module(path="example.net/library", version="v0.1.0")
TOOLCHAIN = toolchain_module("1.26.11")
LICENCE_TEXT = "Permission is granted to use this software for any purpose without fee or warranty of any kind"
TEXTS = LicenceTexts(origin="test", pairs=(("Demo-1.0", word_pairs(LICENCE_TEXT)),))
ISOLATED = NetworkProof(namespace="net:[2]", host_namespace="net:[1]", interfaces=(("lo", 0),), routes=())
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PROGRAM = b"\x7fELF demo"


def pack_module(module: Module, files: Mapping[str, bytes]) -> bytes:
    """A module zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"{module.prefix}{name}"), content)
    return stream.getvalue()


def listing_line(path: str, module: Module | None, imports: Sequence[str] = (), *, main: bool = False) -> str:
    """A line as `go list` prints it."""
    version = "" if main or module is None else module.version
    described = f"{module.path}\t{version}\t{str(main).lower()}" if module else "\t\t"
    return f"{path}\t{str(module is None).lower()}\t{described}\t{' '.join(imports)}\n"


class FrozenClock:
    """Always the same noon."""

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0


class FakeProxy:
    """Files by proxy path; `asked` lists every path in order."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.asked: list[str] = []

    def fetch(self, path: str, *, largest: int) -> AbstractContextManager[Iterator[bytes]]:
        self.asked.append(path)
        if path not in self.files:
            raise InvalidInput("input_unknown", f"no {path}", remedy="none")
        return contextlib.nullcontext(iter([self.files[path][:largest]]))


class MemoryStore:
    """Content by digest, checked like the real store does."""

    def __init__(self) -> None:
        self.content: dict[Digest, bytes] = {}

    def holds(self, digest: Digest) -> bool:
        return digest in self.content

    def add(self, name: str, digest: Digest, size: int, pieces: Iterable[bytes]) -> None:
        octets = b"".join(pieces)
        if Digest.of(octets) != digest or len(octets) != size:
            raise InvalidInput("input_digest_mismatch", f"the {name} is not {digest}", remedy="none")
        self.content[digest] = octets

    def read(self, name: str, digest: Digest) -> bytes:  # noqa: ARG002  # the port's signature
        return self.content[digest]


@dataclass
class FakeWorkshop:
    """Answers `go` like a small program's build; `answers` maps the first argument to (status, output, log)."""

    answers: dict[str, tuple[int, bytes, bytes]]
    offered: dict[str, bytes] = field(default_factory=dict)
    ran: list[tuple[str, ...]] = field(default_factory=list)
    program: bytes = PROGRAM

    def add_proxy_file(self, path: str, content: bytes) -> None:
        self.offered[path] = content

    def run_go(self, arguments: Sequence[str]) -> Completed:
        self.ran.append(tuple(arguments))
        status, output, log = self.answers[arguments[0]]
        return Completed(command=("go", *arguments), status=status, output=output, log=log, network=ISOLATED)

    def used_proxy_files(self) -> tuple[str, ...]:
        return tuple(sorted(self.offered))

    def read_program(self, name: str) -> bytes:  # noqa: ARG002  # the port's signature
        return self.program


class FakeSandbox:
    """Confines nothing; hands out one workshop."""

    def __init__(self, workshop: FakeWorkshop) -> None:
        self.workshop = workshop

    def check(self) -> SandboxIdentity:
        return SandboxIdentity(engine="bubblewrap", version="0", arguments=Digest.of(b"arguments"))

    def open_workshop(
        self,
        *,
        toolchain: tuple[Module, bytes],  # noqa: ARG002  # the port's signature
        source: tuple[Module, bytes],  # noqa: ARG002
        epoch: int,  # noqa: ARG002
    ) -> AbstractContextManager[FakeWorkshop]:
        return contextlib.nullcontext(self.workshop)

    def run_image(self, image: Image, arguments: Sequence[str]) -> Completed:  # noqa: ARG002  # the port's signature
        return Completed(command=tuple(arguments), status=0, output=b"1.0.0\n", log=b"", network=ISOLATED)


class FakeBuildWorld:
    """A program, its module, its toolchain, and everything that serves them; change its fields before use."""

    def __init__(self) -> None:
        legal = {"LICENSE": LICENCE_TEXT.encode()}
        self.library_file = b"module example.net/library\n"
        self.zips = {
            TOOLCHAIN: pack_module(TOOLCHAIN, {"bin/go": b"go", "src/fmt/print.go": b"package fmt", **legal}),
            LIBRARY: pack_module(LIBRARY, {"go.mod": self.library_file, "library.go": b"package library", **legal}),
        }
        sums = (
            f"{LIBRARY.path} {LIBRARY.version} {self.h1(LIBRARY)}\n"
            f"{LIBRARY.path} {LIBRARY.version}/go.mod {hash_module_file(self.library_file)}\n"
        )
        self.zips[SOURCE] = pack_module(
            SOURCE, {"go.mod": b"module example.org/demo\n", "go.sum": sums.encode(), "cmd/demo/main.go": b"x", **legal}
        )
        self.proxy = FakeProxy(
            {module.zip_path: octets for module, octets in self.zips.items()} | {LIBRARY.mod_path: self.library_file}
        )
        self.store = MemoryStore()
        self.workshop = FakeWorkshop(answers=self._answers())
        self.sandbox = FakeSandbox(self.workshop)
        self.steps: list[tuple[str, str]] = []

    @property
    def lock(self) -> Lock:
        kinds = {TOOLCHAIN: InputKind.TOOLCHAIN, SOURCE: InputKind.SOURCE, LIBRARY: InputKind.MODULE}
        inputs = [self._input(kinds[module], module, octets) for module, octets in self.zips.items()]
        inputs.append(self._input(InputKind.MODULE_FILE, LIBRARY, self.library_file))
        return Lock(spec=Digest.of(SPEC), inputs=tuple(sorted(inputs, key=lambda item: item.path)))

    @property
    def plan(self) -> Plan:
        return make_plan(SPEC, render_lock(self.lock))

    def parts(self) -> BuildParts:
        return BuildParts(
            clock=FrozenClock(),
            fetcher=self.proxy,
            store=self.store,
            sandbox=self.sandbox,
            signer=KeyEvidenceSigner(KeyFileSigner(ec.derive_private_key(7, ec.SECP256R1()))),
            texts=TEXTS,
            identity=BuilderIdentity(id="https://builder.example/v1", version="0.1.0", zlib="1"),
            progress=lambda title, proved: self.steps.append((title, proved)),
        )

    def h1(self, module: Module) -> str:
        return hash_module_zip(ModuleZip(self.zips[module], prefix=module.prefix))

    def build_information(self, **changes: object) -> bytes:
        document: dict[str, object] = {
            "GoVersion": "go1.26.11",
            "Main": {"Path": SOURCE.path, "Version": "(devel)"},
            "Deps": [{"Path": LIBRARY.path, "Version": LIBRARY.version, "Sum": self.h1(LIBRARY)}],
        }
        return json.dumps(document | changes).encode()

    def _input(self, kind: InputKind, module: Module, octets: bytes) -> LockedInput:
        h1 = hash_module_file(octets) if kind is InputKind.MODULE_FILE else self.h1(module)
        return LockedInput(kind=kind, module=module, size=len(octets), digest=Digest.of(octets), h1=h1)

    def _answers(self) -> dict[str, tuple[int, bytes, bytes]]:
        listing = (
            listing_line("example.org/demo/cmd/demo", SOURCE, ["example.net/library", "fmt"], main=True)
            + listing_line("example.net/library", LIBRARY, ["unsafe"])
            + listing_line("fmt", None, ["unsafe"])
            + listing_line("unsafe", None)
        )
        compiler = "".join(f"/go/pkg/tool/linux_amd64/compile -o $WORK/b{number}\n" for number in range(3))
        required = {
            "Module": {"Path": SOURCE.path},
            "Require": [{"Path": LIBRARY.path, "Version": LIBRARY.version}],
            "Replace": None,
        }
        return {
            "list": (0, listing.encode(), b""),
            "build": (0, b"", compiler.encode()),
            "version": (0, self.build_information(), b""),
            "mod": (0, json.dumps(required).encode(), b""),
        }
