"""`go.sum`: the hashes a program's author recorded."""

from dataclasses import dataclass

from assay.domain.errors import InvalidInput
from assay_builder.plan.module import Module

_MOST_LINES = 20_000
_MODULE_FILE_SUFFIX = "/go.mod"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoSum:
    """Recorded hashes: of module zips, and of `go.mod` files."""

    zips: tuple[tuple[Module, str], ...]
    module_files: tuple[tuple[Module, str], ...]


def parse_go_sum(content: bytes) -> GoSum:
    """Parse a `go.sum`; a line that is not understood or contradicts another is `InvalidInput(go_sum_malformed)`."""
    zips: dict[Module, str] = {}
    module_files: dict[Module, str] = {}
    try:
        lines = content.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise _malformed("it is not ASCII") from error
    if len(lines) > _MOST_LINES:
        raise _malformed(f"it has more than {_MOST_LINES} lines")
    for line in filter(str.strip, lines):
        words = line.split()
        if len(words) != 3 or not words[2].startswith("h1:"):
            raise _malformed(f"{line[:200]!r} is not `module version h1:hash`")
        path, version, h1 = words
        known = module_files if version.endswith(_MODULE_FILE_SUFFIX) else zips
        module = Module(path=path, version=version.removesuffix(_MODULE_FILE_SUFFIX))
        if known.setdefault(module, h1) != h1:
            raise _malformed(f"{module} has two hashes")
    return GoSum(zips=tuple(sorted(zips.items())), module_files=tuple(sorted(module_files.items())))


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "go_sum_malformed",
        f"the source's go.sum cannot be used: {why}",
        remedy="choose a version whose go.sum is sound",
    )
