from collections.abc import Iterator, Sequence

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_MANIFEST, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.usecases.resolve import Resolved, resolve
from tests.fakes.oci import image, put_image, soon
from tests.fakes.registry import FakeRegistry, Fault

MANIFEST = Content(media_type=OCI_MANIFEST, octets=image(), digest=Digest.of(image()))
CLIENT = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())


class AnswersAnything:
    """A registry that breaks its contract: whatever is asked for, it hands out the same manifest."""

    def resolve(self, reference: Reference, deadline: Deadline) -> Content:  # noqa: ARG002
        return MANIFEST

    def find_manifest(self, repository: Repository, tag_or_digest: str, deadline: Deadline) -> Content | None:  # noqa: ARG002
        return MANIFEST

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:  # noqa: ARG002
        return b""

    def list_referrers(self, repository: Repository, digest: Digest, deadline: Deadline) -> Sequence[Descriptor]:  # noqa: ARG002
        return ()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        yield fake


def test_a_tag_becomes_a_digest_with_one_request(registry: FakeRegistry) -> None:
    resolved = resolve(CLIENT, registry.reference("app", tag="v1"), soon())
    expected = Artefact(repository=registry.repository("app"), digest=MANIFEST.digest, tag="v1")
    assert resolved == Resolved(artefact=expected, manifest=MANIFEST)
    assert len(registry.requests) == 1


def test_a_digest_stays_what_it_is_and_the_tag_is_not_asked_for(registry: FakeRegistry) -> None:
    reference = registry.reference("app", tag="elsewhere", digest=MANIFEST.digest)
    assert resolve(CLIENT, reference, soon()).artefact.reference == reference
    assert registry.paths() == [f"/v2/app/manifests/{MANIFEST.digest}"]


def test_what_the_registry_raises_leaves_as_it_is(registry: FakeRegistry) -> None:
    with pytest.raises(InvalidInput) as absent:
        resolve(CLIENT, registry.reference("app", tag="v2"), soon())
    assert absent.value.code == "manifest_unknown"
    registry.faults["/v2/app/manifests/v1"] = Fault(status=403)
    with pytest.raises(Unavailable) as denied:
        resolve(CLIENT, registry.reference("app", tag="v1"), soon())
    assert denied.value.code == "registry_denied"


def test_another_digest_than_the_one_asked_for_is_refused() -> None:
    repository = Repository(registry="registry.test", path="app")
    with pytest.raises(InvalidInput) as caught:
        resolve(AnswersAnything(), Reference(repository=repository, digest=Digest.of(b"x")), soon())
    assert caught.value.code == "digest_mismatch"
    assert resolve(AnswersAnything(), Reference(repository=repository, digest=MANIFEST.digest), soon())


def test_a_resolved_artefact_has_the_digest_of_its_manifest(registry: FakeRegistry) -> None:
    other = Artefact(repository=registry.repository("app"), digest=Digest.of(b"x"))
    with pytest.raises(ValueError, match="does not have the digest"):
        Resolved(artefact=other, manifest=MANIFEST)
