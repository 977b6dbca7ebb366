"""Stage 2, isolate: programs and image from the stored inputs, in a fresh sandbox without network."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay_builder.confinement import NetworkProof
from assay_builder.describe.graph import verify_build_information
from assay_builder.describe.licence import NOASSERTION, DetectedLicence, detect_licence, read_legal_texts, shipped_files
from assay_builder.describe.licence_text import LicenceTexts
from assay_builder.describe.listing import (
    LISTING_FORMAT,
    UNCOMPILED,
    ListedPackage,
    linked_modules,
    parse_build_information,
    parse_listing,
)
from assay_builder.go_command import build_tags, package_paths, succeed
from assay_builder.image.image import Image, make_image, render_time
from assay_builder.image.layer import make_layer
from assay_builder.image.rootfs import LicenceFile, Program, make_rootfs
from assay_builder.module_zip import ModuleZip
from assay_builder.parts import ContentStore, Progress, Sandbox, Workshop
from assay_builder.plan.lock import InputKind, LockedInput
from assay_builder.plan.module import Module
from assay_builder.plan.plan import Plan
from assay_builder.stages.ingest import Ingested

_NOT_LINKED = "src/crypto/internal/boring"
"""A folder of the toolchain whose licence text covers an object file that only GOEXPERIMENT=boringcrypto links."""

_COMPILER_RUN = re.compile(rb"^\S*/pkg/tool/\S+/compile -o ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolated:
    """A finished image and everything that was seen while it was made.

    `compiled` counts compiler runs in the log: with an empty cache as many as packages that are compiled.
    """

    ingested: Ingested
    image: Image
    packages: tuple[ListedPackage, ...]
    licences: Mapping[Module, DetectedLicence]
    network: NetworkProof
    compiled: int
    log: bytes = field(repr=False)
    listing: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    programs: tuple[Program, ...]
    packages: tuple[ListedPackage, ...]
    network: NetworkProof
    log: bytes
    listing: bytes


def run(
    ingested: Ingested, *, sandbox: Sandbox, store: ContentStore, texts: LicenceTexts, progress: Progress
) -> Isolated:
    """Build the programs, check that they are what was listed, and put the image together.

    Raises what its parts raise, and `InvalidInput`: `build_failed`, `go_output_malformed`, `sbom_disagrees`.
    """
    plan = ingested.plan
    octets = {item: store.read(item.name, item.digest) for item in plan.lock.inputs}
    built = _build(plan, octets, sandbox)
    compiled = len(_COMPILER_RUN.findall(built.log))
    progress(
        "isolate",
        f"{compiled} compiler runs for {sum(item.path != UNCOMPILED for item in built.packages)} packages, cache empty "
        f"at the start; network: {', '.join(name for name, _ in built.network.interfaces)} only, no route",
    )
    legal = _read_legal_texts(plan, octets, built.packages)
    licences = {module: detect_licence(files, texts) for module, files in legal.items()}
    shipped = [
        file for module, files in sorted(legal.items()) for file in shipped_files(_folder_name(module, plan), files)
    ]
    image = _assemble(plan, built.programs, shipped, licences[plan.spec.source])
    progress("image", f"{image.digest}, {len(image.layer.octets)} bytes compressed, user {plan.spec.image.user}")
    return Isolated(
        ingested=ingested,
        image=image,
        packages=built.packages,
        licences=licences,
        network=built.network,
        compiled=compiled,
        log=built.log,
        listing=built.listing,
    )


def _build(plan: Plan, octets: Mapping[LockedInput, bytes], sandbox: Sandbox) -> _Built:
    lock, spec = plan.lock, plan.spec
    with sandbox.open_workshop(
        toolchain=(spec.toolchain, octets[lock.toolchain]),
        source=(spec.source, octets[lock.source]),
        epoch=spec.epoch,
    ) as workshop:
        for item in (*lock.of_kind(InputKind.MODULE_FILE), *lock.of_kind(InputKind.MODULE)):
            workshop.add_proxy_file(item.path, octets[item])
        listing = succeed(
            workshop.run_go(["list", *build_tags(spec), "-deps", "-f", LISTING_FORMAT, *package_paths(spec)])
        )
        packages = parse_listing(listing.output, source=spec.source)
        build = succeed(
            workshop.run_go(
                [
                    *("build", "-x", *build_tags(spec), f"-ldflags={' '.join(spec.ldflags)}"),
                    *("-o", "/build/out/", *package_paths(spec)),
                ]
            )
        )
        _verify_programs(plan, packages, workshop)
        programs = tuple(
            Program(name=package.output, content=workshop.read_program(package.path.rpartition("/")[2]))
            for package in spec.packages
        )
    return _Built(programs=programs, packages=packages, network=build.network, log=build.log, listing=listing.output)


def _verify_programs(plan: Plan, packages: Sequence[ListedPackage], workshop: Workshop) -> None:
    answers = [
        succeed(workshop.run_go(["version", "-m", "-json", f"/build/out/{package.path.rpartition('/')[2]}"]))
        for package in plan.spec.packages
    ]
    verify_build_information(plan, packages, [parse_build_information(answer.output) for answer in answers])


def _read_legal_texts(
    plan: Plan, octets: Mapping[LockedInput, bytes], packages: Sequence[ListedPackage]
) -> dict[Module, dict[str, bytes]]:
    """The legal texts of every linked module, and of the toolchain for the standard library."""
    linked = {*linked_modules(packages), plan.spec.toolchain}
    legal = {}
    for item in plan.lock.inputs:
        if item.module in linked and item.kind is not InputKind.MODULE_FILE:
            archive = ModuleZip(octets[item], prefix=item.module.prefix)
            legal[item.module] = read_legal_texts(archive, _folders(plan, item.module, packages))
    return legal


def _folders(plan: Plan, module: Module, packages: Sequence[ListedPackage]) -> list[str]:
    """The folders of a module's linked packages, relative to the module."""
    if module == plan.spec.toolchain:
        folders = [f"src/{package.path}" for package in packages if package.module is None]
        return [folder for folder in folders if folder != _NOT_LINKED and not folder.startswith(f"{_NOT_LINKED}/")]
    return [package.path.removeprefix(module.path).lstrip("/") for package in packages if package.module == module]


def _folder_name(module: Module, plan: Plan) -> str:
    """Where the image keeps a module's texts: the toolchain's are those of the standard library."""
    return "go" if module == plan.spec.toolchain else module.path


def _assemble(
    plan: Plan, programs: Sequence[Program], shipped: Sequence[LicenceFile], licence: DetectedLicence
) -> Image:
    spec = plan.spec
    entries = make_rootfs(user=spec.image.user, programs=programs, licences=shipped, files=spec.image.files)
    return make_image(
        spec.image, make_layer(entries, epoch=spec.epoch), labels=_labels(plan, licence), epoch=spec.epoch
    )


def _labels(plan: Plan, licence: DetectedLicence) -> dict[str, str]:
    spec = plan.spec
    known = {
        "org.opencontainers.image.created": render_time(spec.epoch),
        "org.opencontainers.image.title": spec.name,
        "org.opencontainers.image.vendor": spec.supplier,
        "org.opencontainers.image.version": spec.version,
    }
    if licence.expression != NOASSERTION:
        known["org.opencontainers.image.licenses"] = licence.expression
    return known | dict(spec.image.labels)
