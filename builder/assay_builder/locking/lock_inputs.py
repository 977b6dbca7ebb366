"""Which inputs a build needs: found by trying, without network, what was fetched and proven before."""

from collections.abc import Callable
from dataclasses import dataclass

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.formats.strict_json import parse_json
from assay_builder.describe.listing import LISTING_FORMAT, linked_modules, parse_listing
from assay_builder.go_command import build_tags, package_paths, succeed
from assay_builder.locking.checksum_database import verify_module_hash
from assay_builder.locking.dirhash import hash_module_file, hash_module_zip
from assay_builder.locking.go_sum import GoSum, parse_go_sum
from assay_builder.module_zip import ModuleZip
from assay_builder.parts import ContentStore, InputFetcher, Progress, Sandbox, Workshop
from assay_builder.plan.lock import LARGEST_INPUT, InputKind, Lock, LockedInput
from assay_builder.plan.module import Module
from assay_builder.plan.spec import Spec, parse_spec

_LARGEST_MODULE_FILE = 16 * 1024 * 1024
_LARGEST_DATABASE_FILE = 1024 * 1024
_CHECKSUM_DATABASE = "sumdb/sum.golang.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockParts:
    """What locking needs from outside; `checksum_database` is the verifier key whose signed tree is believed."""

    fetcher: InputFetcher
    store: ContentStore
    sandbox: Sandbox
    progress: Progress
    checksum_database: str


def lock_inputs(spec_octets: bytes, parts: LockParts) -> Lock:
    """Find, fetch and prove every input of a build.

    Guaranteed: toolchain and source are what the Go checksum database records, proven by its signed tree; every
    module and module file has the hash that the source's `go.sum` records; the go command, which never had a network,
    resolved the packages with nothing but these files. Raises what its parts raise, and `InvalidInput`:
    `module_hash_mismatch`, `module_unproven`, `source_unsupported`, `build_failed`.
    """
    spec = parse_spec(spec_octets)
    parts.sandbox.check()
    toolchain, toolchain_octets = _fetch_proven(spec.toolchain, InputKind.TOOLCHAIN, parts)
    source, source_octets = _fetch_proven(spec.source, InputKind.SOURCE, parts)
    with parts.sandbox.open_workshop(
        toolchain=(spec.toolchain, toolchain_octets), source=(spec.source, source_octets), epoch=spec.epoch
    ) as workshop:
        sums = _read_go_sum(spec.source, source_octets)
        offered = [_offer(module, h1, InputKind.MODULE_FILE, workshop, parts) for module, h1 in sums.module_files]
        required = _required(workshop)
        offered += [
            _offer(module, h1, InputKind.MODULE, workshop, parts) for module, h1 in sums.zips if module in required
        ]
        used = _used_inputs(spec, workshop, offered)
    parts.progress("modules", f"{len(used)} of {len(offered)} files are needed, each as go.sum records it")
    inputs = sorted([toolchain, source, *used], key=lambda item: item.path)
    return Lock(spec=Digest.of(spec_octets), inputs=tuple(inputs))


def _fetch_proven(module: Module, kind: InputKind, parts: LockParts) -> tuple[LockedInput, bytes]:
    octets = _fetch(module.zip_path, LARGEST_INPUT, parts.fetcher)
    h1 = hash_module_zip(ModuleZip(octets, prefix=module.prefix))
    verify_module_hash(module, h1, fetch=_database(parts.fetcher), verifier_key=parts.checksum_database)
    item = _keep(kind, module, octets, h1, parts.store)
    parts.progress(kind.value, f"{module} is what the Go checksum database records: {item.digest}")
    return item, octets


def _database(fetcher: InputFetcher) -> Callable[[str], bytes]:
    return lambda path: _fetch(f"{_CHECKSUM_DATABASE}/{path}", _LARGEST_DATABASE_FILE, fetcher)


def _fetch(path: str, largest: int, fetcher: InputFetcher) -> bytes:
    with fetcher.fetch(path, largest=largest) as pieces:
        return b"".join(pieces)


def _keep(kind: InputKind, module: Module, octets: bytes, h1: str, store: ContentStore) -> LockedInput:
    item = LockedInput(kind=kind, module=module, size=len(octets), digest=Digest.of(octets), h1=h1)
    store.add(item.name, item.digest, item.size, [octets])
    return item


def _read_go_sum(source: Module, octets: bytes) -> GoSum:
    archive = ModuleZip(octets, prefix=source.prefix)
    return parse_go_sum(archive.read("go.sum") if "go.sum" in archive.names() else b"")


def _offer(module: Module, h1: str, kind: InputKind, workshop: Workshop, parts: LockParts) -> LockedInput:
    if kind is InputKind.MODULE:
        octets = _fetch(module.zip_path, LARGEST_INPUT, parts.fetcher)
        found = hash_module_zip(ModuleZip(octets, prefix=module.prefix))
    else:
        octets = _fetch(module.mod_path, _LARGEST_MODULE_FILE, parts.fetcher)
        found = hash_module_file(octets)
    if found != h1:
        raise InvalidInput(
            "module_hash_mismatch",
            f"the {kind.value} of {module} has the hash {found}, the source's go.sum records {h1}",
            remedy="do not use these bytes: ask the module proxy's operator",
        )
    item = _keep(kind, module, octets, h1, parts.store)
    workshop.add_proxy_file(item.path, octets)
    return item


def _required(workshop: Workshop) -> frozenset[Module]:
    """The modules that the source's `go.mod` requires: since Go 1.17 all that can provide a linked package."""
    answer = succeed(workshop.run_go(["mod", "edit", "-json"]))
    match parse_json(answer.output, what="the answer of `go mod edit -json`", largest=_LARGEST_MODULE_FILE):
        case {"Replace": [_, *_]}:
            raise _unsupported("its go.mod replaces modules")
        case {"Module": dict(), "Require": list(entries)}:
            return frozenset(_requirement(entry) for entry in entries)
        case {"Module": dict()}:
            return frozenset()
    raise _unsupported("its go.mod is not understood")


def _requirement(entry: object) -> Module:
    match entry:
        case {"Path": str(path), "Version": str(version)}:
            return Module(path=path, version=version)
    raise _unsupported("its go.mod is not understood")


def _used_inputs(spec: Spec, workshop: Workshop, offered: list[LockedInput]) -> list[LockedInput]:
    answer = succeed(workshop.run_go(["list", *build_tags(spec), "-deps", "-f", LISTING_FORMAT, *package_paths(spec)]))
    linked = set(linked_modules(parse_listing(answer.output, source=spec.source)))
    read = set(workshop.used_proxy_files())
    return [
        item for item in offered if item.path in read and (item.kind is not InputKind.MODULE or item.module in linked)
    ]


def _unsupported(why: str) -> InvalidInput:
    return InvalidInput(
        "source_unsupported", f"the source cannot be locked: {why}", remedy="choose a version without that"
    )
