"""What the builder needs from outside, as Protocols."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.key_uri import KeyUri
from assay.ports import Clock, Gate, RegistryWriter, Signer
from assay.usecases.sign import Backing
from assay_builder.confinement import Completed, SandboxIdentity
from assay_builder.image.image import Image
from assay_builder.plan.module import Module

Progress = Callable[[str, str], None]
"""Told of each finished step: its title, and what it proved."""


class InputFetcher(Protocol):
    """Reads files from the configured module proxy; raises `Unavailable` and `InvalidInput` only."""

    def fetch(self, path: str, *, largest: int) -> AbstractContextManager[Iterator[bytes]]:
        """The file's bytes in pieces, at most `largest`; `InvalidInput(input_unknown)` when there is no such file."""
        ...


class ContentStore(Protocol):
    """Keeps inputs by digest; raises `Unavailable` and `InvalidInput` only."""

    def holds(self, digest: Digest) -> bool:
        """Whether there is content under this digest; it is verified when it is read."""
        ...

    def add(self, name: str, digest: Digest, size: int, pieces: Iterable[bytes]) -> None:
        """Keep content once all of it is proven; `InvalidInput(input_digest_mismatch)` names both digests."""
        ...

    def read(self, name: str, digest: Digest) -> bytes:
        """Content whose digest was computed over exactly these bytes; one that is damaged is thrown away."""
        ...


class Workshop(Protocol):
    """A fresh root without network: an unpacked toolchain, the source, an empty compiler cache."""

    def add_proxy_file(self, path: str, content: bytes) -> None:
        """Offer a file of the module proxy to the go command."""
        ...

    def run_go(self, arguments: Sequence[str]) -> Completed:
        """Run the go command in the source; its status is not judged here."""
        ...

    def used_proxy_files(self) -> tuple[str, ...]:
        """Which offered files the go command has read so far, sorted."""
        ...

    def read_program(self, name: str) -> bytes:
        """A program that was written to `/build/out`."""
        ...


class Sandbox(Protocol):
    """Confines commands; what it cannot confine it does not run."""

    def check(self) -> SandboxIdentity:
        """Prove that confinement works here; `ConfigError(sandbox_unavailable)` when it does not."""
        ...

    def open_workshop(
        self, *, toolchain: tuple[Module, bytes], source: tuple[Module, bytes], epoch: int
    ) -> AbstractContextManager[Workshop]:
        """A workshop that is gone at the end."""
        ...

    def run_image(self, image: Image, arguments: Sequence[str]) -> Completed:
        """Run the image's program in a fresh root made of its layer, as its user, without network."""
        ...


class LayoutWriter(Protocol):
    """Writes results to disk; raises `Unavailable` and `InvalidInput` only."""

    def write(self, folder: Path, image: Image, referrers: Sequence[tuple[bytes, tuple[bytes, ...]]]) -> None:
        """Write an OCI layout; each referrer is its manifest with the blobs it names."""
        ...

    def write_documents(self, folder: Path, documents: Sequence[tuple[str, bytes]]) -> None:
        """Write named documents into a folder."""
        ...


class ServiceParts(Protocol):
    """What the verification service's side supplies: the builder is its client."""

    def clock(self) -> Clock:
        """The clock."""
        ...

    def signer(self, key: Path | KeyUri, *, password: bytes) -> Signer:
        """The signer for a private key file or a key URI."""
        ...

    def signer_process(self, socket: Path) -> Signer:
        """The signer process behind a unix socket."""
        ...

    def backing(self, *, signing_config: Path, trusted_root: Path, begin: Callable[[], Deadline]) -> Backing:
        """The logs and timestamp authorities that stand behind a key; `begin` gives the deadline of each signature."""
        ...

    def gate(self, url: str, *, token: str, ca: Path | None) -> Gate:
        """The gate of the service at this address."""
        ...

    def registry(
        self, *, plain_http: Sequence[str], ca: Path | None, token_hosts: Sequence[tuple[str, str]] = ()
    ) -> RegistryWriter:
        """The write side of registries; plain http only for the named hosts and for loopback."""
        ...


class CommandContext(Protocol):
    """What the builder's commands find in their context."""

    def builder_parts(self) -> ServiceParts:
        """The service's side of a build."""
        ...
