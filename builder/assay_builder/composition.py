"""Composition root of the builder: the only module that sees its adapters."""

import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path

from assay_builder.adapters.fetch.machine import go_settings, trusted_certificates
from assay_builder.adapters.fetch.proxy import ProxyFetcher, proxy_list_of
from assay_builder.adapters.sandbox.sandbox import BubblewrapSandbox
from assay_builder.adapters.store.content import FileStore
from assay_builder.adapters.store.layout import FolderWriter
from assay_builder.describe.licence_text import LicenceTexts, parse_licence_texts
from assay_builder.locking.checksum_database import GO_CHECKSUM_DATABASE
from assay_builder.parts import ContentStore, InputFetcher, LayoutWriter, Sandbox
from assay_builder.stages.attest import BuilderIdentity


def compose_fetcher() -> InputFetcher:
    """The module proxy this machine is configured for, as the go command would use it; looked up at the first fetch."""
    return ProxyFetcher(lambda: proxy_list_of(go_settings(os.environ)), certificates=trusted_certificates(os.environ))


def compose_store(cache: Path | None) -> ContentStore:
    """The store of inputs; by default in the user's cache folder."""
    return FileStore(cache or user_cache(os.environ))


def compose_sandbox(scratch: Path | None) -> Sandbox:
    """The sandbox of this machine; builds happen below `scratch`, by default the system's temporary folder."""
    program = shutil.which("bwrap")
    return BubblewrapSandbox(Path(program) if program else None, scratch=scratch or Path(tempfile.gettempdir()))


def compose_layout_writer() -> LayoutWriter:
    """The writer of results."""
    return FolderWriter()


def load_licence_texts() -> LicenceTexts:
    """The licence texts that are shipped with the builder."""
    shipped = resources.files("assay_builder.licence_texts") / "licences.json"
    return parse_licence_texts(shipped.read_bytes())


def compose_identity(builder_id: str) -> BuilderIdentity:
    """This builder, under the id it is known by."""
    return BuilderIdentity(id=builder_id, version=metadata.version("assay"), zlib=zlib.ZLIB_RUNTIME_VERSION)


def compose_checksum_database() -> str:
    """The verifier key of the one checksum database that is believed."""
    return GO_CHECKSUM_DATABASE


def user_cache(environment: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/assay`, or `~/.cache/assay` (XDG base directory specification)."""
    base = environment.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "assay"
