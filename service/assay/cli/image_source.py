"""Where a command finds the image that it is about: a registry, or an OCI layout."""

from dataclasses import dataclass
from pathlib import Path

import click

from assay.cli.composition import Composition
from assay.cli.option import registry_options
from assay.cli.packed import packed
from assay.domain.deadline import Deadline
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.ports import Registry, WritableRegistry
from assay.usecases.target import Place

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_LAYOUT_NAME = "layout.invalid/image"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSource:
    """The options that say where an image is."""

    layout: Path | None
    plain_http: tuple[str, ...]
    token_hosts: tuple[tuple[str, str], ...]
    registry_ca: Path | None

    def open(self, parts: Composition, image: str | None) -> tuple[Registry, Reference]:
        """The registry and the image in it; without an IMAGE the one in the layout. Raises `click.UsageError`."""
        if self.layout is None:
            return self._registry(parts), _named(image)
        return parts.layout(self.layout), _in_layout(parts, self.layout, image)

    def open_writable(self, parts: Composition, image: str | None) -> tuple[WritableRegistry, Reference]:
        """As `open`, to add to what is there."""
        if self.layout is None:
            return self._registry(parts), _named(image)
        return parts.writable_layout(self.layout), _in_layout(parts, self.layout, image)

    def _registry(self, parts: Composition) -> WritableRegistry:
        return parts.registry(plain_http=self.plain_http, ca=self.registry_ca, token_hosts=self.token_hosts)


def _in_layout(parts: Composition, layout: Path, image: str | None) -> Reference:
    if image is not None:
        return Reference.parse(image)
    return Reference(repository=Repository.parse(_LAYOUT_NAME), digest=parts.layout_image(layout))


def _named(image: str | None) -> Reference:
    if image is None:
        raise click.UsageError("name an IMAGE, or a --layout")
    return Reference.parse(image)


source_options = packed(
    "source",
    ImageSource,
    [
        click.option("--layout", type=FOLDER, help="The image is in this OCI layout, not in a registry."),
        registry_options,
    ],
)
"""`--layout`, `--plain-http`, `--token-host` and `--registry-ca`, handed to the command as `source`."""


def make_place(reference: Reference, deadline: Deadline) -> Place:
    """The image's repository, with this much time for everything that is asked of it."""
    return Place(repository=reference.repository, deadline=deadline, limits=Limits())


def start_clock(parts: Composition, seconds: float) -> Deadline:
    """The deadline of a command that begins now."""
    return Deadline.after(seconds, parts.clock().monotonic)
