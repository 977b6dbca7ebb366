"""Which manifests a signature or a copy is about."""

from collections.abc import Iterator

import pytest

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.usecases.target import find_targets
from tests.fakes.desk import make_client, make_place
from tests.fakes.oci import image, index, rendered
from tests.fakes.registry import FakeRegistry

FIRST, SECOND = image(), image(annotations={"a": "b"})
LISTED = [rendered(OCI_MANIFEST, FIRST), rendered(OCI_MANIFEST, SECOND)]


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        for content in (FIRST, SECOND):
            fake.put_manifest("app", content)
        yield fake


def find(registry: FakeRegistry, *, recursive: bool = True, limits: Limits | None = None) -> list[Digest] | str:
    place = make_place(registry.repository("app"), limits)
    reference = registry.reference("app", tag="v1")
    try:
        pinned, targets = find_targets(make_client(), reference, place, recursive=recursive)
    except InvalidInput as error:
        return error.code
    assert pinned.digest == targets[-1].digest
    return [target.digest for target in targets]


def nested(depth: int) -> list[bytes]:
    """Indexes around an image, the innermost first."""
    documents, inner = [], rendered(OCI_MANIFEST, FIRST)
    for _ in range(depth):
        documents.append(index(inner))
        inner = rendered(OCI_INDEX, documents[-1])
    return documents


def test_an_image_is_its_own_only_target(registry: FakeRegistry) -> None:
    registry.put_manifest("app", FIRST, tag="v1")
    assert find(registry) == find(registry, recursive=False) == [Digest.of(FIRST)]


def test_what_an_index_lists_comes_before_it_and_once(registry: FakeRegistry) -> None:
    document = index(*LISTED, LISTED[0])
    registry.put_manifest("app", document, OCI_INDEX, tag="v1")
    assert find(registry) == [Digest.of(FIRST), Digest.of(SECOND), Digest.of(document)]
    assert find(registry, recursive=False) == [Digest.of(document)]


def test_a_listed_manifest_that_is_not_there_is_an_error(registry: FakeRegistry) -> None:
    registry.put_manifest("app", index(rendered(OCI_MANIFEST, b"absent")), OCI_INDEX, tag="v1")
    assert find(registry) == "manifest_unknown"
    assert isinstance(find(registry, recursive=False), list)


@pytest.mark.parametrize(("depth", "found"), [(3, 4), (4, "evidence_limit")])
def test_indexes_may_be_nested_three_deep(registry: FakeRegistry, depth: int, found: int | str) -> None:
    for document in nested(depth):
        registry.put_manifest("app", document, OCI_INDEX, tag="v1")
    targets = find(registry)
    assert (targets if isinstance(targets, str) else len(targets)) == found


@pytest.mark.parametrize(("most", "found"), [(3, 3), (2, "evidence_limit")])
def test_the_number_of_targets_is_limited(registry: FakeRegistry, most: int, found: int | str) -> None:
    registry.put_manifest("app", index(*LISTED), OCI_INDEX, tag="v1")
    targets = find(registry, limits=Limits(referrers=most))
    assert (targets if isinstance(targets, str) else len(targets)) == found
