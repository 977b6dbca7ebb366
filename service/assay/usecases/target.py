"""What is to be signed or copied: an image, or an index with everything it lists."""

from collections.abc import Iterator
from dataclasses import dataclass

from assay.domain.deadline import Deadline
from assay.domain.descriptor import INDEXES, Content
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import parse_index
from assay.ports import Registry
from assay.usecases.resolve import resolve

_DEEPEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A repository, and what asking it may cost."""

    repository: Repository
    deadline: Deadline
    limits: Limits


def find_targets(
    registry: Registry, reference: Reference, place: Place, *, recursive: bool
) -> tuple[Reference, tuple[Content, ...]]:
    """The reference with the digest that it names now, and that manifest; if `recursive`, as `list_targets`.

    Raises what `resolve` and `list_targets` raise.
    """
    resolved = resolve(registry, reference, place.deadline)
    targets = list_targets(registry, place, resolved.manifest) if recursive else (resolved.manifest,)
    return resolved.artefact.reference, targets


def list_targets(registry: Registry, place: Place, root: Content) -> tuple[Content, ...]:
    """Every manifest that `root` lists, each once, what is listed before what lists it; `root` itself is the last.

    Raises what reading them raises, `InvalidInput(manifest_unknown)` for one that is listed but not there, and
    `InvalidInput(evidence_limit)` for indexes nested deeper than three levels or more manifests than
    `limits.referrers`.
    """
    found: dict[Digest, Content] = {}
    for content in _walk(registry, place, root, _DEEPEST):
        found.setdefault(content.digest, content)
        if len(found) > place.limits.referrers:
            raise _too_much(root, f"lists more than {place.limits.referrers} manifests")
    return tuple(found.values())


def _walk(registry: Registry, place: Place, content: Content, deepest: int) -> Iterator[Content]:
    if content.media_type in INDEXES:
        if not deepest:
            raise _too_much(content, f"is nested deeper than {_DEEPEST} indexes")
        what = f"index {content.digest}"
        for entry in parse_index(content.octets, content.media_type, what=what, limits=place.limits).manifests:
            listed = registry.find_manifest(place.repository, entry.digest.text, place.deadline)
            if listed is None:
                raise InvalidInput(
                    "manifest_unknown",
                    f"{place.repository} lacks the manifest {entry.digest}, which {what} lists",
                    remedy="push the whole index",
                )
            yield from _walk(registry, place, listed, deepest - 1)
    yield content


def _too_much(content: Content, why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", f"{content.digest} {why}", remedy="publish a smaller index")
