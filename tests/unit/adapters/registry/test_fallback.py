"""The fallback tag and its concurrent writers."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.fallback import listing
from assay.adapters.registry.tag import TaggedManifest, Written, amend_tag
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.limit import Limits
from assay.formats.manifest import parse_index
from tests.fakes.oci import bundle_referrer, image, index, put_image, soon
from tests.fakes.registry import FakeRegistry, Fault

IMAGE = Digest.of(image())
TAG = f"sha256-{IMAGE.hex}"
EMPTY_INDEX = Content(media_type=OCI_INDEX, octets=index(), digest=Digest.of(index()))


def referrer(number: int) -> Descriptor:
    return Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b"%d" % number), size=1)


def add(number: int, tag: "SharedTag", settle: Callable[[], None] = lambda: None) -> Content:
    return amend_tag(tag, listing(referrer(number), what="it", limits=Limits()), settle=settle, what="it")


@dataclass
class SharedTag:
    """A tag in memory that heeds conditions or does not; `after_read` runs once a state was read."""

    conditional: bool = True
    content: Content | None = None
    after_read: Callable[[], None] = lambda: None
    writes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> TaggedManifest:
        with self.lock:
            content = self.content
        self.after_read()
        return TaggedManifest(content=content, entity_tag=f'"{content.digest}"' if content else "")

    def write(self, manifest: Content, condition: Mapping[str, str]) -> Written:
        with self.lock:
            current = f'"{self.content.digest}"' if self.content is not None else None
            if self.conditional and condition != ({"If-Match": current} if current else {"If-None-Match": "*"}):
                return Written.LOST
            self.content = manifest
            self.writes += 1
        return Written.KEPT if self.conditional else Written.UNGUARDED

    @property
    def digests(self) -> set[Digest]:
        assert self.content is not None
        listed = parse_index(self.content.octets, OCI_INDEX, what="it", limits=Limits()).manifests
        return {entry.digest for entry in listed}


def test_two_writers_that_read_the_same_state_lose_nothing_where_conditions_hold() -> None:
    both_have_read = threading.Barrier(2, timeout=60)
    tag = SharedTag()
    first_reads = iter(range(2))

    def meet() -> None:
        if next(first_reads, None) is not None:
            both_have_read.wait()

    tag.after_read = meet
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(add, number, tag) for number in (1, 2)]:
            done.result()
    assert tag.digests == {referrer(1).digest, referrer(2).digest}
    assert tag.writes == 2


def test_a_writer_that_was_undone_finds_out_after_it_settled() -> None:
    tag = SharedTag(conditional=False)
    late = SharedTag(conditional=False)
    intrusions = iter([late])

    def settle() -> None:
        for _ in intrusions:  # once: somebody who read before we wrote writes now
            add(2, late)
            tag.content = late.content

    add(1, tag, settle)
    assert tag.digests == {referrer(1).digest, referrer(2).digest}


def test_a_referrer_that_is_listed_is_not_written_again() -> None:
    tag = SharedTag()
    for _ in range(2):
        add(1, tag)
    assert tag.writes == 1


def test_a_change_that_leaves_nothing_behind_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="does not exist"):
        amend_tag(SharedTag(), lambda _: None, settle=lambda: None, what="it")


def test_a_writer_that_always_loses_gives_up() -> None:
    tag = SharedTag(conditional=False)
    tag.after_read = lambda: setattr(tag, "content", None)
    tag.content = EMPTY_INDEX
    settled: list[int] = []

    def settle() -> None:
        settled.append(1)
        tag.content = None

    with pytest.raises(Unavailable) as caught:
        add(1, tag, settle)
    assert caught.value.code == "registry_unavailable"
    assert len(settled) == 10


@pytest.mark.parametrize(
    ("present", "entity_tag", "condition"),
    [
        (False, "", {"If-None-Match": "*"}),
        (True, '"sha256:ab"', {"If-Match": '"sha256:ab"'}),
        (True, 'W/"sha256:ab"', {}),
        (True, "", {}),
        (True, '"a\r\nX: y"', {}),
    ],
)
def test_only_a_strong_entity_tag_is_a_condition(*, present: bool, entity_tag: str, condition: object) -> None:
    assert TaggedManifest(content=EMPTY_INDEX if present else None, entity_tag=entity_tag).condition == condition


def push(client: RegistryClient, registry: FakeRegistry, number: int) -> Digest:
    manifest = bundle_referrer(image(), b"%d" % number)
    return client.push_manifest(registry.repository("app"), manifest, OCI_MANIFEST, soon()).digest


def make_client(paused: list[float]) -> RegistryClient:
    access = RegistryAccess(plain_http_on_loopback=True)
    return RegistryClient(access=access, limits=Limits(), pause=paused.append)


def test_a_registry_that_heeds_conditions_is_found_out_once_and_nobody_waits() -> None:
    paused: list[float] = []
    with FakeRegistry.start(referrers_api=False) as registry:
        put_image(registry, "app")
        client = make_client(paused)
        pushed = {push(client, registry, number) for number in range(3)}
        assert {entry.digest for entry in client.list_referrers(registry.repository("app"), IMAGE, soon())} == pushed
        written = [item.headers for item in registry.requests if item.path.endswith(TAG) and item.method == "PUT"]
    assert len(written) == 4
    assert all("if-match" in headers or "if-none-match" in headers for headers in written)
    assert paused == []


def test_a_registry_that_does_not_is_looked_at_again_after_two_seconds() -> None:
    paused: list[float] = []
    with FakeRegistry.start(referrers_api=False) as registry:
        put_image(registry, "app")
        registry.conditions = False
        client = make_client(paused)
        pushed = {push(client, registry, number) for number in range(2)}
        assert {entry.digest for entry in client.list_referrers(registry.repository("app"), IMAGE, soon())} == pushed
        registry.faults[f"/v2/app/manifests/{TAG}"] = Fault(method="GET", headers=(("ETag", 'W/"weak"'),))
        registry.conditions = True
        push(client, registry, 5)
    assert paused == [2.0, 2.0, 2.0]


def test_many_writers_at_once_lose_nothing_in_the_registry() -> None:
    with FakeRegistry.start(referrers_api=False) as registry:
        put_image(registry, "app")
        clients = [make_client([]) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            pushed = set(pool.map(lambda number: push(clients[number], registry, number), range(4)))
        listed = clients[0].list_referrers(registry.repository("app"), IMAGE, soon())
    assert {entry.digest for entry in listed} == pushed
