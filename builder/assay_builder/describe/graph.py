"""The one graph of what an image is made of; every SBOM is a rendering of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay_builder.describe.licence import DetectedLicence
from assay_builder.describe.listing import BuildInformation, ListedPackage
from assay_builder.plan.lock import InputKind, LockedInput
from assay_builder.plan.module import Module
from assay_builder.plan.plan import Plan

STANDARD_LIBRARY = "stdlib"
"""The standard library's name in the Go ecosystem of OSV and in purls."""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Component:
    """A part of the image; `digest` is the SHA-256 of the locked file it comes from.

    `supplier` is who controls the module's path: a module proxy vouches for nobody else.
    """

    purl: str
    name: str
    version: str
    supplier: str
    digest: Digest
    licence: DetectedLicence
    main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """An image, its components sorted by purl, and which component uses which (pairs of purls, sorted)."""

    name: str
    version: str
    supplier: str
    image: Digest
    epoch: int
    components: tuple[Component, ...]
    edges: tuple[tuple[str, str], ...]

    @property
    def image_purl(self) -> str:
        """The image's package URL (purl specification, type `oci`)."""
        return f"pkg:oci/{self.name}@sha256%3A{self.image.hex}?arch=amd64"

    @property
    def gaps(self) -> tuple[str, ...]:
        """What could not be established, in words."""
        return tuple(f"licence of {item.name}: {gap}" for item in self.components for gap in item.licence.gaps)


def make_graph(
    plan: Plan, image: Digest, packages: Sequence[ListedPackage], licences: Mapping[Module, DetectedLicence]
) -> Graph:
    """Make the graph from the packages that are linked; `licences` has the toolchain's for the standard library."""
    inputs = _inputs_of_modules(plan)
    used = {_provider(package, plan) for package in packages}
    by_path = {package.path: package for package in packages}
    edges = set()
    for package in packages:
        for imported in package.imports:
            pair = (_provider(package, plan), _provider(by_path.get(imported), plan))
            if pair[0] != pair[1]:
                edges.add(pair)
    components = {module: _component(plan, module, inputs[module], licences[module]) for module in used}
    return Graph(
        name=plan.spec.name,
        version=plan.spec.version,
        supplier=plan.spec.supplier,
        image=image,
        epoch=plan.spec.epoch,
        components=tuple(sorted(components.values())),
        edges=tuple(sorted((components[user].purl, components[provider].purl) for user, provider in edges)),
    )


def verify_build_information(
    plan: Plan, packages: Sequence[ListedPackage], programs: Iterable[BuildInformation]
) -> None:
    """Return when the finished programs say what was listed before the build.

    Compared: the Go release, the main module, and the linked modules with their hashes, which must be the locked ones.
    Raises `InvalidInput(sbom_disagrees)`.
    """
    listed = {package.module for package in packages if package.module not in {None, plan.spec.source}}
    locked = {item.module: item.h1 for item in plan.lock.of_kind(InputKind.MODULE)}
    linked: set[Module | None] = set()
    for program in programs:
        if program.go_release != plan.spec.go_release or program.main != plan.spec.source.path:
            raise _disagrees(f"a program says it is {program.main} built with Go {program.go_release}")
        for module, h1 in program.modules:
            if locked.get(module) != h1:
                raise _disagrees(f"a program says it holds {module} with the hash {h1}")
            linked.add(module)
    if linked != listed:
        names = ", ".join(sorted(str(module) for module in linked ^ listed))
        raise _disagrees(f"listed and linked modules differ in {names}")


def _inputs_of_modules(plan: Plan) -> dict[Module, LockedInput]:
    return {item.module: item for item in plan.lock.inputs if item.kind is not InputKind.MODULE_FILE}


def _provider(package: ListedPackage | None, plan: Plan) -> Module:
    """The module that provides a package; what no listed package is called is vendored by the standard library."""
    if package is None or package.module is None:
        return plan.spec.toolchain
    return package.module


def _component(plan: Plan, module: Module, item: LockedInput, licence: DetectedLicence) -> Component:
    if module == plan.spec.toolchain:
        release = plan.spec.go_release
        purl, name, version = f"pkg:golang/{STANDARD_LIBRARY}@{release}", STANDARD_LIBRARY, release
    else:
        purl, name, version = module.purl, module.path, module.version
    return Component(
        purl=purl,
        name=name,
        version=version,
        supplier=_namespace(module.path),
        digest=item.digest,
        licence=licence,
        main=module == plan.spec.source,
    )


def _namespace(path: str) -> str:
    """`github.com/owner/project` belongs to `github.com/owner`, `filippo.io/age` to `filippo.io`."""
    parts = path.split("/")
    shared = len(parts) > 2
    return "/".join(parts[:2]) if shared else parts[0]


def _disagrees(why: str) -> InvalidInput:
    return InvalidInput(
        "sbom_disagrees",
        f"the finished programs are not what was listed before the build: {why}",
        remedy="do not publish them; look for build constraints or generated code that change what is linked",
    )
