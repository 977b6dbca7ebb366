"""Mirrors: asked first, believed only by digest, never written to."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from assay.adapters.registry.access import HostAccess, RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.credential_source import CredentialSources
from assay.domain.artefact import Artefact
from assay.domain.credential import Credential
from assay.domain.descriptor import OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.formats.docker_config import DockerConfig
from assay.usecases.collect import collect
from assay.usecases.index import list_manifests
from assay.usecases.resolve import resolve
from tests.fakes.oci import image, put_bundle, put_image, refuse_nothing, soon
from tests.fakes.registry import FakeRegistry, Fault, TokenService

IMAGE = Digest.of(image())
MANIFEST = f"/v2/hub/app/manifests/{IMAGE}"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A registry, its mirror under the prefix `hub`, and a client that knows both."""

    origin: FakeRegistry
    mirror: FakeRegistry
    client: RegistryClient

    def reads(self) -> bool:
        return self.client.resolve(self.origin.reference("app", digest=IMAGE), soon()).octets == image()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with FakeRegistry.start() as origin, FakeRegistry.start() as mirror:
        access = RegistryAccess(
            plain_http=frozenset({origin.host, mirror.host}),
            hosts={origin.host: HostAccess(mirrors=(f"{mirror.host}/hub",))},
        )
        logins = {
            origin.host: Credential(username="origin", secret="origin-secret"),
            mirror.host: Credential(username="mirror", secret="mirror-secret"),
        }
        config = DockerConfig(credentials=logins, helpers={}, store="")
        client = RegistryClient(access=access, limits=Limits(), credentials=CredentialSources(configs=[config]))
        put_image(origin, "app")
        yield Pair(origin=origin, mirror=mirror, client=client)
        client.close()


def test_what_the_mirror_has_is_judged_under_the_name_of_its_origin(pair: Pair) -> None:
    put_image(pair.mirror, "hub/app")
    put_bundle(pair.mirror, "hub/app", image(), b"bundle")
    reference = pair.origin.reference("app", digest=IMAGE)
    resolved = resolve(pair.client, reference, soon())
    assert resolved.artefact == Artefact(repository=reference.repository, digest=IMAGE)
    listing = list_manifests(pair.client, resolved, soon(), Limits())
    (collected,) = collect(pair.client, listing, soon(), Limits(), refuse=refuse_nothing)
    assert [item.content for item in collected.items] == [b"bundle"]
    assert {request.path.rpartition("/")[2] for request in pair.origin.requests} == {
        f"sha256-{IMAGE.hex}.sig",
        f"sha256-{IMAGE.hex}.att",
    }


@pytest.mark.parametrize("fault", [None, Fault(status=500), Fault(status=401), Fault(drop=True), Fault(status=429)])
def test_what_the_mirror_lacks_or_cannot_answer_comes_from_the_origin(pair: Pair, fault: Fault | None) -> None:
    if fault is not None:
        pair.mirror.faults[MANIFEST] = fault
    assert pair.reads()
    assert pair.mirror.requests[0].path == MANIFEST


def test_a_mirror_that_does_not_list_a_referrer_does_not_hide_it(pair: Pair) -> None:
    put_image(pair.mirror, "hub/app")
    pushed = put_bundle(pair.origin, "app", image(), b"bundle")
    listed = pair.client.list_referrers(pair.origin.repository("app"), IMAGE, soon())
    assert [entry.digest for entry in listed] == [pushed]


def test_a_mirror_that_lies_is_an_error(pair: Pair) -> None:
    pair.mirror.faults[MANIFEST] = Fault(status=200, octets=image(annotations={"a": "b"}), media_type=OCI_MANIFEST)
    with pytest.raises(InvalidInput) as caught:
        pair.reads()
    assert caught.value.code == "digest_mismatch"
    pair.mirror.faults.clear()
    assert pair.reads()


def test_when_nobody_answers_the_origin_is_the_one_that_is_down(pair: Pair) -> None:
    pair.origin.faults[f"/v2/app/manifests/{IMAGE}"] = Fault(status=500)
    with pytest.raises(Unavailable) as caught:
        pair.reads()
    assert pair.origin.host in caught.value.message


def test_each_gets_only_its_own_credential(pair: Pair) -> None:
    for side, name in ((pair.origin, "origin"), (pair.mirror, "mirror")):
        side.demand_login(TokenService(users={name: f"{name}-secret"}), basic=True)
    assert pair.reads()
    sent = [{item.headers.get("authorization", "") for item in side.requests} for side in (pair.origin, pair.mirror)]
    assert all(len(headers) == 2 for headers in sent)
    assert sent[0] & sent[1] == {""}


def test_nothing_is_pushed_to_a_mirror(pair: Pair) -> None:
    pair.client.push_blob(pair.origin.repository("app"), b"blob", soon())
    pair.client.push_manifest(pair.origin.repository("app"), image(), OCI_MANIFEST, soon(), tag="v2")
    assert pair.mirror.requests == []
