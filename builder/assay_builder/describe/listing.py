"""What the go command says about a program: before the build (packages) and after it (build information)."""

from collections.abc import Iterable
from dataclasses import dataclass

from assay.domain.errors import InvalidInput
from assay.formats.strict_json import parse_json
from assay_builder.plan.module import Module

LISTING_FORMAT = (
    "{{.ImportPath}}\t{{.Standard}}\t{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Main}}{{else}}\t\t{{end}}"
    '\t{{join .Imports " "}}'
)
"""The template for `go list -f` that `parse_listing` reads; import paths hold neither tabs nor blanks."""

UNCOMPILED = "unsafe"
"""The one package that is part of the compiler."""

_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPackage:
    """A package that is linked. `module` is None for the standard library, and the source for the main module."""

    path: str
    module: Module | None
    imports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildInformation:
    """What a finished program says of itself: Go release, main module, and each linked module with its `h1:` hash."""

    go_release: str
    main: str
    modules: tuple[tuple[Module, str], ...]


def parse_listing(output: bytes, *, source: Module) -> tuple[ListedPackage, ...]:
    """Parse the output of `go list -deps -f LISTING_FORMAT`, sorted by import path.

    Raises `InvalidInput(go_output_malformed)`, also for a main module that is not the source and for replaced modules.
    """
    packages: dict[str, ListedPackage] = {}
    for line in _text(output).splitlines():
        fields = line.split("\t")
        if len(fields) != 6 or not fields[0]:
            raise _malformed("a line of `go list`")
        path, standard, module_path, version, is_main, imports = fields
        packages[path] = ListedPackage(
            path=path, module=_module(standard, module_path, version, is_main, source), imports=tuple(imports.split())
        )
    if not packages:
        raise _malformed("an empty answer of `go list`")
    return tuple(packages[path] for path in sorted(packages))


def parse_build_information(output: bytes) -> BuildInformation:
    """Parse the output of `go version -m -json`; `InvalidInput(go_output_malformed)`."""
    document = parse_json(output, what="the build information", largest=_LARGEST)
    match document:
        case {"GoVersion": str(release), "Main": {"Path": str(main)}, **rest}:
            return BuildInformation(
                go_release=release.removeprefix("go"), main=main, modules=tuple(sorted(_modules(rest.get("Deps", []))))
            )
    raise _malformed("build information")


def linked_modules(packages: Iterable[ListedPackage]) -> tuple[Module, ...]:
    """Every module that provides a package, sorted."""
    return tuple(sorted({package.module for package in packages if package.module is not None}))


def _module(standard: str, path: str, version: str, is_main: str, source: Module) -> Module | None:
    if standard == "true" and not path:
        return None
    if is_main == "true" and path == source.path:
        return source
    if standard != "false" or is_main != "false":
        raise _malformed("a package of another main module")
    return Module(path=path, version=version)


def _modules(dependencies: object) -> list[tuple[Module, str]]:
    if not isinstance(dependencies, list):
        raise _malformed("build information")
    modules = []
    for dependency in dependencies:
        match dependency:
            case {"Path": str(path), "Version": str(version), "Sum": str(h1), **rest} if not rest:
                modules.append((Module(path=path, version=version), h1))
            case _:
                raise _malformed("build information of a replaced or unhashed module")
    return modules


def _text(output: bytes) -> str:
    try:
        return output.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("an answer of the go command") from error


def _malformed(what: str) -> InvalidInput:
    return InvalidInput(
        "go_output_malformed", f"{what} is not understood", remedy="check that the source builds without replacements"
    )
