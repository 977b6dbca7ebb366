"""The specification of a build: what a person writes and reviews."""

import re
from dataclasses import dataclass

from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference, Repository
from assay.formats.strict_yaml import parse_yaml
from assay_builder.plan.field import Fields
from assay_builder.plan.module import Module, toolchain_module

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_OUTPUT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,63}", re.ASCII)
_LDFLAG = re.compile(r"-s|-w|-buildid=|-X=[A-Za-z0-9._/-]+=[A-Za-z0-9._+:/@-]*", re.ASCII)
_BUILD_TAG = re.compile(r"[a-z][a-z0-9_.]{0,62}", re.ASCII)
_IMPORT_PATH = re.compile(r"[A-Za-z0-9._~/-]{1,200}", re.ASCII)
_FILE_PATH = re.compile(r"(?:/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9][a-z0-9.-]{0,126}", re.ASCII)
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_HIGHEST_USER = 2**31 - 1
_LATEST_EPOCH = 2**33 - 1
_FILE_MODES = {"0644": 0o644, "0444": 0o444, "0755": 0o755, "0555": 0o555}
_CODE = "spec_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A main package and the name its program gets in `/usr/bin`."""

    path: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """A text file of the image."""

    path: str
    mode: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """How the image runs; `user` is never root."""

    user: int
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    files: tuple[ImageFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A valid specification. `epoch` is the one timestamp of everything built, in seconds since 1970 UTC."""

    name: str
    version: str
    supplier: str
    source: Module
    toolchain: Module
    packages: tuple[Package, ...]
    ldflags: tuple[str, ...]
    tags: tuple[str, ...]
    image: ImageSpec
    epoch: int
    repository: Repository | None
    publish_tags: tuple[str, ...]
    environment: str

    @property
    def go_release(self) -> str:
        """The toolchain's release, `1.26.11`."""
        return self.toolchain.version.removeprefix("v0.0.1-go").removesuffix(".linux-amd64")


def parse_spec(octets: bytes) -> Spec:
    """Parse and validate a specification.

    Guaranteed: every field was understood; versions are exact; the image's user is not root; every package lies in
    the source module. Not checked: whether module, packages and toolchain exist. Raises
    `InvalidInput(yaml_malformed | spec_malformed | module_malformed | reference_malformed)`.
    """
    root = Fields(parse_yaml(octets, what="the specification"), place="", code=_CODE)
    source, toolchain, build = root.section("source"), root.section("toolchain"), root.section("build")
    policy = root.section("policy")
    repository, publish_tags = _publish(root)
    module = Module(path=source.text("go_module"), version=source.text("version"))
    spec = Spec(
        name=_matching(root, "name", _NAME, root.text("name")),
        version=_matching(root, "version", _VERSION, root.text("version")),
        supplier=_matching(root, "supplier", re.compile(r"[^\x00-\x1f()]{1,120}"), root.text("supplier")),
        source=module,
        toolchain=toolchain_module(toolchain.text("go")),
        packages=_packages(build, module),
        ldflags=_each(build, "ldflags", _LDFLAG),
        tags=_each(build, "tags", _BUILD_TAG),
        image=_image(root.section("image")),
        epoch=root.number("source_date_epoch", largest=_LATEST_EPOCH),
        repository=repository,
        publish_tags=publish_tags,
        environment=_matching(policy, "environment", _ENVIRONMENT, policy.text("environment")),
    )
    for section in (source, toolchain, build, policy, root):
        section.finish()
    return spec


def _matching(fields: Fields, key: str, form: re.Pattern[str], value: str) -> str:
    if not form.fullmatch(value):
        raise fields.refuse(key, f"{value[:100]!r} is not usable here")
    return value


def _each(fields: Fields, key: str, form: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(_matching(fields, key, form, value) for value in fields.texts(key))


def _packages(build: Fields, source: Module) -> tuple[Package, ...]:
    packages = []
    for item in build.sections("packages"):
        path = _matching(item, "package", _IMPORT_PATH, item.text("package"))
        inside = path == source.path or path.startswith(f"{source.path}/")
        if not inside or any(part in {"", ".", ".."} for part in path.split("/")):
            raise item.refuse("package", f"{path[:100]!r} is not an import path of the source module")
        packages.append(Package(path=path, output=_matching(item, "output", _OUTPUT, item.text("output"))))
        item.finish()
    if not packages:
        raise build.refuse("packages", "nothing is to be built")
    for names in ([item.output for item in packages], [item.path.rpartition("/")[2] for item in packages]):
        if len(set(names)) != len(names):
            raise build.refuse("packages", "two programs would have the same name")
    return tuple(packages)


def _image(image: Fields) -> ImageSpec:
    user = image.number("user", largest=_HIGHEST_USER)
    if user == 0:
        raise image.refuse("user", "an image never runs as root")
    spec = ImageSpec(
        user=user,
        entrypoint=image.texts("entrypoint"),
        command=image.texts("cmd"),
        environment=_named(image, "environment", _VARIABLE),
        labels=_named(image, "labels", _LABEL),
        files=tuple(_file(item) for item in image.sections("files")),
    )
    if not spec.entrypoint or not _FILE_PATH.fullmatch(spec.entrypoint[0]):
        raise image.refuse("entrypoint", "an absolute path is expected first")
    image.finish()
    return spec


def _named(fields: Fields, key: str, form: re.Pattern[str]) -> tuple[tuple[str, str], ...]:
    pairs = fields.pairs(key)
    for name, _ in pairs:
        _matching(fields, key, form, name)
    return pairs


def _file(item: Fields) -> ImageFile:
    mode = item.text("mode")
    if mode not in _FILE_MODES:
        raise item.refuse("mode", f"one of {', '.join(_FILE_MODES)} is expected")
    file = ImageFile(
        path=_matching(item, "path", _FILE_PATH, item.text("path")), mode=_FILE_MODES[mode], text=item.text("text")
    )
    item.finish()
    return file


def _publish(root: Fields) -> tuple[Repository | None, tuple[str, ...]]:
    if not root.has("publish"):
        return None, ()
    publish = root.section("publish")
    repository = Repository.parse(publish.text("repository")) if publish.has("repository") else None
    tags = publish.texts("tags")
    publish.finish()
    for tag in tags:
        _refuse_tag(publish, tag)
    return repository, tags


def _refuse_tag(publish: Fields, tag: str) -> None:
    try:
        Reference(repository=Repository(registry="localhost", path="any"), tag=tag)
    except InvalidInput as error:
        raise publish.refuse("tags", f"{tag[:100]!r} is not a tag") from error
