"""The licences of a module, from its own files."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay_builder.describe.licence_text import LicenceTexts, conjunction, find_licence
from assay_builder.image.rootfs import LicenceFile
from assay_builder.module_zip import ModuleZip

NOASSERTION = "NOASSERTION"
_LICENCE_NAME = re.compile(r"(?:un)?licen[cs]es?(?:[-._].*)?|copying(?:[-._].*)?", re.IGNORECASE)
_SHIPPED_NAME = re.compile(r"(?:notice|patents|copyright|authors)(?:[-._].*)?", re.IGNORECASE)
_NO_TEXT = (".go", ".s", ".h", ".c", ".py", ".sh")
_LARGEST_TEXT = 512 * 1024


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class DetectedLicence:
    """The SPDX expression of a module, or NOASSERTION; `gaps` says in words why it could not be established."""

    expression: str
    gaps: tuple[str, ...] = ()


def licence_file_names(names: Iterable[str], folders: Iterable[str]) -> tuple[str, ...]:
    """The legal texts among a module's files: those in linked packages' folders and in every folder above them."""
    wanted = {"", *(above for folder in folders for above in _with_parents(folder))}
    return tuple(sorted(name for name in names if name.rpartition("/")[0] in wanted and _is_legal(_base(name))))


def detect_licence(files: Mapping[str, bytes], texts: LicenceTexts) -> DetectedLicence:
    """Name the licence of a module from its legal texts (path to content).

    Every licence text counts: several mean all of them, the stricter reading. One that is not recognised leaves the
    whole module NOASSERTION, as does none at all.
    """
    identifiers: list[str] = []
    gaps: list[str] = []
    for name, content in sorted(files.items()):
        if not _LICENCE_NAME.fullmatch(_base(name)):
            continue
        if len(content) > _LARGEST_TEXT:
            gaps.append(f"{name}: {len(content)} bytes are too many for a licence")
            continue
        likeness = find_licence(content.decode("utf-8", "replace"), texts)
        if likeness.convincing:
            identifiers.append(likeness.id)
        else:
            gaps.append(
                f"{name}: no known licence; {likeness.id or 'none'} is closest"
                f" (likeness {likeness.score:.2f}, {likeness.added} word pairs added)"
            )
    if not identifiers and not gaps:
        gaps.append("there is no licence file")
    return DetectedLicence(expression=NOASSERTION if gaps else conjunction(identifiers), gaps=tuple(gaps))


def shipped_files(module: str, files: Mapping[str, bytes]) -> tuple[LicenceFile, ...]:
    """The legal texts of a module as files of the image."""
    return tuple(LicenceFile(module=module, path=name, content=content) for name, content in sorted(files.items()))


def _is_legal(name: str) -> bool:
    if name.lower().endswith(_NO_TEXT):
        return False
    return bool(_LICENCE_NAME.fullmatch(name) or _SHIPPED_NAME.fullmatch(name))


def _with_parents(folder: str) -> Iterable[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def read_legal_texts(archive: ModuleZip, folders: Iterable[str]) -> dict[str, bytes]:
    """Path and content of the legal texts that cover these folders of a module."""
    return {name: archive.read(name) for name in licence_file_names(archive.names(), folders)}
