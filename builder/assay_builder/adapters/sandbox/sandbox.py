"""The sandbox of this machine."""

import contextlib
import platform
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from assay_builder.adapters.sandbox.bubblewrap import (
    Bind,
    Bubblewrap,
    Confined,
    isolation_digest,
    sandbox_unavailable,
)
from assay_builder.adapters.sandbox.image_run import run_image
from assay_builder.adapters.sandbox.scratch import scratch_folder, write_file
from assay_builder.adapters.sandbox.workshop import GoWorkshop
from assay_builder.confinement import Completed, SandboxIdentity
from assay_builder.image.image import Image
from assay_builder.plan.module import Module

_MACHINE = ("Linux", "x86_64")
_EXECUTABLE = "/probe/true"
_SECONDS = 10.0
_LARGEST_OUTPUT = 65536

_EXIT_ZERO = bytes.fromhex(
    "7f454c46020101000000000000000000"  # ELF, 64 bit, little endian
    "02003e00010000007800400000000000"  # executable for x86-64, entry 0x400078
    "40000000000000000000000000000000"  # program header at 0x40
    "00000000400038000100000000000000"
    "01000000050000000000000000000000"  # one segment, readable and executable
    "00004000000000000000400000000000"
    "82000000000000008200000000000000"
    "0010000000000000"
    "31ff"  # xor edi, edi
    "b83c000000"  # mov eax, 60 (exit)
    "0f05"  # syscall
    "90"
)
"""A program that does nothing and needs nothing: proof that programs start, before anything is downloaded."""


class BubblewrapSandbox:
    """Confines with bubblewrap; every workshop and every image run gets its own folder below `scratch`."""

    def __init__(self, program: Path | None, *, scratch: Path) -> None:
        self._program = program
        self._scratch = scratch

    def check(self) -> SandboxIdentity:
        """Start an empty sandbox and look at its network from outside; `ConfigError(sandbox_unavailable)`."""
        if (platform.system(), platform.machine()) != _MACHINE:
            raise sandbox_unavailable("this release builds on Linux on x86-64 only")
        bubblewrap = self._bubblewrap()
        version = bubblewrap.version()
        with scratch_folder(self._scratch) as folder:
            write_file(folder, "true", _EXIT_ZERO, mode=0o755)
            probe = bubblewrap.run(
                Confined(
                    command=(_EXECUTABLE,),
                    binds=(Bind(source=folder, target="/probe"),),
                    environment={},
                    folder="/",
                    user=1000,
                    seconds=_SECONDS,
                    largest_output=_LARGEST_OUTPUT,
                )
            )
        if probe.status != 0:
            raise sandbox_unavailable(probe.log.decode("utf-8", "replace").strip()[-300:] or "nothing starts in it")
        return SandboxIdentity(engine="bubblewrap", version=version, arguments=isolation_digest())

    def open_workshop(
        self, *, toolchain: tuple[Module, bytes], source: tuple[Module, bytes], epoch: int
    ) -> AbstractContextManager[GoWorkshop]:
        """A workshop that is gone at the end; raises `InvalidInput(zip_malformed)` and `Unavailable`."""
        return self._open_workshop(toolchain, source, epoch)

    @contextlib.contextmanager
    def _open_workshop(
        self, toolchain: tuple[Module, bytes], source: tuple[Module, bytes], epoch: int
    ) -> Iterator[GoWorkshop]:
        with scratch_folder(self._scratch) as folder:
            workshop = GoWorkshop(self._bubblewrap(), folder, epoch=epoch)
            workshop.unpack_toolchain(*toolchain)
            workshop.unpack_source(*source)
            yield workshop

    def run_image(self, image: Image, arguments: Sequence[str]) -> Completed:
        """Run the image's program in a fresh root made of its layer, as its user, without network."""
        with scratch_folder(self._scratch) as folder:
            return run_image(self._bubblewrap(), folder, image, arguments)

    def _bubblewrap(self) -> Bubblewrap:
        if self._program is None:
            raise sandbox_unavailable("there is no program `bwrap`")
        return Bubblewrap(self._program)
