"""Image manifests, image indexes and image configurations (OCI image specification 1.1, Docker schema 2).

Unknown members are tolerated, as the image specification demands; everything that is read is checked.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.domain.descriptor import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IMAGE_MANIFESTS,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Content,
    Descriptor,
)
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.platform import Platform
from assay.formats.strict_json import parse_json

MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})

_MEDIA_TYPE = re.compile(r"[!-~][ -~]{0,254}")
_LARGEST_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageManifest:
    """A parsed image manifest; nothing it points to was looked at."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = field(default=())

    @property
    def effective_artifact_type(self) -> str:
        """`artifactType`, or the config's media type where it is absent (distribution specification, "referrers")."""
        return self.artifact_type or self.config.media_type


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIndex:
    """A parsed image index: descriptors in the order of the document."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """The facts of an image configuration that policies ask for; `env_names` leaves the values out on purpose."""

    architecture: str = ""
    os: str = ""
    variant: str = ""
    created: str = ""
    user: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    env_names: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    diff_ids: tuple[Digest, ...] = ()

    @property
    def platform(self) -> str:
        """`os/architecture[/variant]`, or empty when the configuration names no platform."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part) if self.os else ""


def parse_manifest(octets: bytes, media_type: str, *, what: str, limits: Limits) -> ImageManifest | ImageIndex:
    """Parse an image manifest or an image index that was served under `media_type`.

    Guaranteed: `schemaVersion` is 2; the type is one of OCI's or Docker schema 2's and agrees with the document's own
    `mediaType`; the document has `layers` or `manifests`, never both (CVE-2021-41190); at most `limits.layers` layers
    and `limits.referrers` manifests. Raises `InvalidInput(manifest_malformed)` or `InvalidInput(evidence_limit)`,
    naming `what`.
    """
    document, served = _open_manifest(octets, media_type, what=what, limits=limits)
    if served in IMAGE_MANIFESTS:
        return _image_manifest(document, served, limits)
    return _image_index(document, served, limits)


def parse_image_manifest(content: Content, *, what: str, limits: Limits) -> ImageManifest:
    """Parse the manifest of one image, where no index may stand (`InvalidInput(index_unsupported)`)."""
    parsed = parse_manifest(content.octets, content.media_type, what=what, limits=limits)
    if isinstance(parsed, ImageIndex):
        raise InvalidInput(
            "index_unsupported",
            f"{what} is an image index of {len(parsed.manifests)} manifests",
            remedy="name the manifest of one platform by its digest",
        )
    return parsed


def parse_index(octets: bytes, media_type: str, *, what: str, limits: Limits) -> ImageIndex:
    """Parse an image index; `InvalidInput(manifest_malformed)` when it is something else."""
    parsed = parse_manifest(octets, media_type, what=what, limits=limits)
    if isinstance(parsed, ImageManifest):
        raise _malformed(what, "it is an image manifest where an index belongs")
    return parsed


def parse_referrer_list(octets: bytes, media_type: str, *, what: str, limits: Limits) -> tuple[Descriptor, ...]:
    """Parse a page of the list of referrers (distribution specification 1.1, "listing referrers").

    Registries copy into it what pushers wrote, so no entry may spoil the others: annotations and a type that is no
    media type are dropped, and whoever reads the manifest itself sees what is wrong with it; an entry that no SHA-256
    digest names is left out, for nothing can be fetched and checked by it. Raises as `parse_index` for what is no list.
    """
    document, served = _open_manifest(octets, media_type, what=what, limits=limits)
    if served in IMAGE_MANIFESTS or "manifests" not in document.members:
        raise document.malformed("it is not the index that a list of referrers is")
    entries = document.entries("manifests")
    if len(entries) > limits.referrers:
        raise _over(what, f"manifests has {len(entries)} entries, more than {limits.referrers}")
    listed = (_listed_referrer(document, entry) for entry in entries)
    return tuple(entry for entry in listed if entry is not None)


def _listed_referrer(document: "_Document", value: object) -> Descriptor | None:
    members = value if isinstance(value, dict) else {}
    kind = members.get("artifactType")
    known = {name: members.get(name) for name in ("mediaType", "digest", "size")}
    if isinstance(kind, str) and _MEDIA_TYPE.fullmatch(kind):
        known["artifactType"] = kind
    try:
        return document.descriptor(known)
    except InvalidInput:
        return None


def declared_media_type(octets: bytes, *, what: str, limits: Limits) -> str:
    """The media type a document without one from outside has: its own `mediaType`, or what its members say.

    For OCI layouts only, whose blobs carry no type. Raises as `parse_manifest`.
    """
    document = _Document(what=what, members=_parse_members(octets, what=what, limits=limits))
    return document.text("mediaType") or (OCI_INDEX if "manifests" in document.members else OCI_MANIFEST)


def parse_image_config(octets: bytes, *, what: str, limits: Limits) -> ImageConfig:
    """Parse an image configuration; `InvalidInput(config_malformed)` for everything that is not one."""
    try:
        document = _Document(what=what, members=_parse_members(octets, what=what, limits=limits))
        section = _Document(what=what, members=document.mapping("config"))
        root = _Document(what=what, members=document.mapping("rootfs"))
        return ImageConfig(
            architecture=document.text("architecture"),
            os=document.text("os"),
            variant=document.text("variant"),
            created=document.text("created"),
            user=section.text("User"),
            labels=section.pairs("Labels"),
            env_names=tuple(entry.partition("=")[0] for entry in section.texts("Env")),
            entrypoint=section.texts("Entrypoint"),
            command=section.texts("Cmd"),
            exposed_ports=tuple(sorted(section.mapping("ExposedPorts"))),
            diff_ids=tuple(document.digest(text) for text in root.texts("diff_ids")),
        )
    except InvalidInput as error:
        raise InvalidInput("config_malformed", error.message, remedy=error.remedy) from error


def render_index(manifests: Sequence[Descriptor]) -> bytes:
    """Render an OCI image index with its entries sorted by digest.

    This is the form of the fallback tag for referrers: two writers that know the same set write the same bytes.
    """
    entries = [_rendered(item) for item in sorted(manifests, key=lambda item: item.digest)]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return json.dumps(document, separators=(",", ":")).encode()


def _rendered(item: Descriptor) -> dict[str, object]:
    entry: dict[str, object] = {"mediaType": item.media_type, "size": item.size, "digest": item.digest.text}
    if item.artifact_type:
        entry["artifactType"] = item.artifact_type
    if item.annotations:
        entry["annotations"] = dict(item.annotations)
    return entry


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput("manifest_malformed", f"{what} cannot be used: {why}", remedy="push a valid document")


def _parse_members(octets: bytes, *, what: str, limits: Limits) -> Mapping[str, object]:
    if len(octets) > limits.manifest_octets:
        raise _over(what, f"it has {len(octets)} bytes, more than {limits.manifest_octets}")
    try:
        document = parse_json(
            octets, what=what, largest=limits.manifest_octets, depth=limits.json_depth, structure=limits.json_structure
        )
    except InvalidInput as error:
        raise InvalidInput("manifest_malformed", error.message, remedy=error.remedy) from error
    if not isinstance(document, dict):
        raise _malformed(what, "it is not an object")
    return document


def _open_manifest(octets: bytes, media_type: str, *, what: str, limits: Limits) -> tuple["_Document", str]:
    """The members of a manifest of a known type, and that type."""
    document = _Document(what=what, members=_parse_members(octets, what=what, limits=limits))
    served = media_type.partition(";")[0].strip().lower()
    if served not in MANIFEST_TYPES:
        raise document.malformed(f"it is served as {media_type[:100]!r}, which is no manifest type")
    if document.text("mediaType") not in {"", served}:
        raise document.malformed(f"it calls itself {document.text('mediaType')[:100]!r} and is served as {served!r}")
    document.require_version_two()
    if "layers" in document.members and "manifests" in document.members:
        raise document.malformed("it has both layers and manifests")
    return document, served


def _over(what: str, why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", f"{what} exceeds a limit: {why}", remedy="publish fewer or smaller items")


def _image_manifest(document: "_Document", media_type: str, limits: Limits) -> ImageManifest:
    if "config" not in document.members or "layers" not in document.members:
        raise document.malformed("an image manifest needs config and layers")
    return ImageManifest(
        media_type=media_type,
        config=document.descriptor(document.members["config"]),
        layers=document.descriptors("layers", most=limits.layers),
        subject=document.subject(),
        artifact_type=document.media_type(document.text("artifactType")),
        annotations=document.pairs("annotations"),
    )


def _image_index(document: "_Document", media_type: str, limits: Limits) -> ImageIndex:
    if "manifests" not in document.members:
        raise document.malformed("an image index needs manifests")
    return ImageIndex(
        media_type=media_type,
        manifests=document.descriptors("manifests", most=limits.referrers),
        subject=document.subject(),
        artifact_type=document.media_type(document.text("artifactType")),
        annotations=document.pairs("annotations"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A JSON object and the name it goes by in messages; Go writes an absent list or map as null, so null is absent."""

    what: str
    members: Mapping[str, object]

    def malformed(self, why: str) -> InvalidInput:
        return _malformed(self.what, why)

    def require_version_two(self) -> None:
        version = self.members.get("schemaVersion")
        if version != 2 or isinstance(version, bool):
            raise self.malformed(f"its schemaVersion is {version!r:.20}, not 2")

    def text(self, name: str) -> str:
        value = self.members.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.malformed(f"{name} is not a string")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        texts = self.entries(name)
        if not all(isinstance(item, str) for item in texts):
            raise self.malformed(f"{name} is not a list of strings")
        return tuple(item for item in texts if isinstance(item, str))

    def entries(self, name: str) -> Sequence[object]:
        value = self.members.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.malformed(f"{name} is not a list")
        return value

    def mapping(self, name: str) -> Mapping[str, object]:
        value = self.members.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.malformed(f"{name} is not an object")
        return value

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        pairs = sorted(self.mapping(name).items())
        if not all(isinstance(value, str) for _, value in pairs):
            raise self.malformed(f"{name} has a value that is not a string")
        return tuple((key, value) for key, value in pairs if isinstance(value, str))

    def digest(self, text: str) -> Digest:
        try:
            return Digest(text)
        except InvalidInput as error:
            raise self.malformed(error.message) from error

    def media_type(self, text: str) -> str:
        if text and not _MEDIA_TYPE.fullmatch(text):
            raise self.malformed(f"{text[:100]!r} is not a media type")
        return text

    def subject(self) -> Descriptor | None:
        value = self.members.get("subject")
        return None if value is None else self.descriptor(value)

    def descriptors(self, name: str, *, most: int) -> tuple[Descriptor, ...]:
        entries = self.entries(name)
        if len(entries) > most:
            raise _over(self.what, f"{name} has {len(entries)} entries, more than {most}")
        return tuple(self.descriptor(entry) for entry in entries)

    def descriptor(self, value: object) -> Descriptor:
        if not isinstance(value, dict):
            raise self.malformed("a descriptor is not an object")
        entry = _Document(what=self.what, members=value)
        size = value.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST_SIZE:
            raise self.malformed("a descriptor has no valid size")
        if not entry.text("mediaType"):
            raise self.malformed("a descriptor has no mediaType")
        return Descriptor(
            media_type=self.media_type(entry.text("mediaType")),
            digest=self.digest(entry.text("digest")),
            size=size,
            artifact_type=self.media_type(entry.text("artifactType")),
            platform=entry.platform(),
            annotations=entry.pairs("annotations"),
        )

    def platform(self) -> Platform | None:
        """What the entry of an index runs on; an object that names nothing says nothing."""
        named = _Document(what=self.what, members=self.mapping("platform"))
        words = [named.text(name) for name in ("os", "architecture", "variant")]
        if not any(words):
            return None
        try:
            return Platform(os=words[0], architecture=words[1], variant=words[2])
        except InvalidInput as error:
            raise self.malformed(f"the platform of an entry: {error.message}") from error
